package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
)

const (
	rangeSize = 64 << 10
	bigSize   = 1 << 30
)

func largeWorkloads() []workload {
	large := func(name string) string { return "/" + bucket + "/w/large/" + name }
	putLarge := func(b *bench, s *server, name string) request {
		return s.keys.sign(s.addr, "PUT", large(name), "", b.large, b.largeSum, nil, http.StatusOK)
	}
	getLarge := func(b *bench, s *server, _, _, _ int) (request, int64, error) {
		return b.read(s, "GET", large("read"), http.StatusOK, nil), int64(len(b.large)), nil
	}
	prepareLarge := func(b *bench, s *server, _ int) error {
		c := &conn{addr: s.addr}
		defer c.close()
		_, _, err := c.do(putLarge(b, s, "read"), false)
		return err
	}
	rangeAt := func(b *bench, s *server, _, _, _ int) (request, int64, error) {
		off := rand.Int64N(bigSize/rangeSize) * rangeSize
		h := map[string]string{"Range": fmt.Sprintf("bytes=%d-%d", off, off+rangeSize-1)}
		return b.read(s, "GET", large("big"), http.StatusPartialContent, h), rangeSize, nil
	}
	return []workload{
		{name: "put-64m", data: true, clients: 1, unit: "MB/s", count: 8, goal: 1.2,
			op: func(b *bench, s *server, round, _, i int) (request, int64, error) {
				return putLarge(b, s, fmt.Sprintf("r%d-%d", round, i)), int64(len(b.large)), nil
			}},
		{name: "get-64m cold", data: true, clients: 1, unit: "MB/s", count: 1, goal: 1.5,
			prepare: func(b *bench, s *server, round int) error {
				if err := prepareLarge(b, s, round); err != nil {
					return err
				}
				return s.cold()
			}, op: getLarge},
		{name: "get-64m warm", data: true, clients: 1, unit: "MB/s", count: 12, goal: 1.2,
			prepare: func(b *bench, s *server, round int) error {
				c := &conn{addr: s.addr}
				defer c.close()
				q, _, _ := getLarge(b, s, 0, 0, 0)
				_, _, err := c.do(q, false)
				return err
			}, op: getLarge},
		{name: "range-64k cold of 1 GiB", data: true, clients: 1, unit: "ops/s", count: 100, goal: 4,
			prepare: func(b *bench, s *server, _ int) error {
				if b.made[s.name+"/big"] == 0 {
					if err := b.putBig(s, large("big")); err != nil {
						return err
					}
					b.made[s.name+"/big"] = 1
				}
				return s.cold()
			}, op: rangeAt},
	}
}

// putBig uploads the 1 GiB object in one request.
func (b *bench) putBig(s *server, key string) error {
	body := make([]byte, 0, bigSize)
	for len(body) < bigSize {
		body = append(body, b.large...)
	}
	c := &conn{addr: s.addr}
	defer c.close()
	_, _, err := c.do(s.keys.sign(s.addr, "PUT", key, "", body, "UNSIGNED-PAYLOAD", nil, http.StatusOK), false)
	return err
}
