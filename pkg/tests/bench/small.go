package main

import (
	"bytes"
	"crypto/md5" //nolint:gosec // what the protocol asks for
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	objects = 200     // small objects a client that reads and deletes find, and that are overwritten
	many    = 1000    // keys of one DeleteObjects
	removes = 3       // DeleteObjects in a cell
	page    = 500     // keys of the small listing
	listed  = 100_000 // keys of the large directory
)

// far is what rows with a delay add to each turnaround.
const far = time.Millisecond

// workloads returns the rows in the order in which they run: later ones use what earlier ones made, and those with a delay
// come last, since they start the gateways again.
func workloads() []workload {
	ws := []workload{put(1, 3), put(8, 4), put(32, 6), overwrite(8, 3), overwrite(32, 6)}
	ws[1].floor, ws[1].goalCPU = true, 300
	ws[2].goalP99 = 60
	for _, c := range []int{1, 8} {
		get := workload{name: "get-4k", clients: c, unit: "ops/s", goal: 2, prepare: prepareSmall(c), op: readSmall("GET", 4<<10)}
		head := workload{name: "head", clients: c, unit: "ops/s", goal: 1.8, prepare: prepareSmall(c), op: readSmall("HEAD", 0)}
		if c == 8 {
			get.floor, get.goalCPU, head.floor, head.goalCPU = true, 90, true, 60
		}
		ws = append(ws, get, head)
	}
	for _, c := range []int{1, 8} {
		ws = append(ws, workload{name: "delete", clients: c, unit: "ops/s", goal: 2.5, cleans: true, count: objects, prepare: prepareDelete(c),
			op: func(b *bench, s *server, round, client, i int) (request, int64, error) {
				return b.read(s, "DELETE", deleteKey(round, client, i), http.StatusNoContent, nil), 0, nil
			}})
	}
	ws = append(ws, deleteMany(), copySmall())
	ws = append(ws, listWorkloads()...)
	ws = append(ws, largeWorkloads()...)
	slow := []workload{put(1, 5), listPage(20)}
	for i := range slow {
		slow[i].delay = far
		slow[i].name += ", 1 ms away"
	}
	return append(ws, slow...)
}

func put(clients int, goal float64) workload {
	return workload{name: "put-4k", clients: clients, unit: "ops/s", goal: goal,
		op: func(b *bench, s *server, round, client, i int) (request, int64, error) {
			return b.put(s, fmt.Sprintf("/%s/w/put-4k/%s-c%d-r%d/%02d-%06d", bucket, s.delay, clients, round, client, i)), int64(len(b.small)), nil
		}}
}

func overwrite(clients int, goal float64) workload {
	return workload{name: "overwrite-4k", clients: clients, unit: "ops/s", goal: goal, cleans: true, prepare: prepareSmall(clients),
		op: func(b *bench, s *server, _, client, i int) (request, int64, error) {
			return b.put(s, smallKey(client, i%objects)), int64(len(b.small)), nil
		}}
}

func copySmall() workload {
	return workload{name: "copy-4k", clients: 1, unit: "ops/s", goal: 3, prepare: prepareSmall(1),
		op: func(b *bench, s *server, round, client, i int) (request, int64, error) {
			h := map[string]string{"x-amz-copy-source": smallKey(client, i%objects)}
			key := fmt.Sprintf("/%s/w/copy/r%d/%06d", bucket, round, i)
			return s.keys.sign(s.addr, "PUT", key, "", nil, b.emptySum, h, http.StatusOK), 0, nil
		}}
}

func prepareSmall(clients int) func(*bench, *server, int) error {
	return func(b *bench, s *server, _ int) error {
		made := b.made[s.name+"/small"]
		if made >= clients {
			return nil
		}
		b.made[s.name+"/small"] = clients
		return b.fill(s, (clients-made)*objects, func(i int) string { return smallKey(made+i/objects, i%objects) })
	}
}

func smallKey(client, i int) string { return fmt.Sprintf("/%s/w/small/c%02d/%06d", bucket, client, i) }

func deleteKey(round, client, i int) string {
	return fmt.Sprintf("/%s/w/delete/r%d/c%02d-%06d", bucket, round, client, i)
}

func readSmall(method string, size int64) func(*bench, *server, int, int, int) (request, int64, error) {
	return func(b *bench, s *server, _, client, i int) (request, int64, error) {
		return b.read(s, method, smallKey(client, i%objects), http.StatusOK, nil), size, nil
	}
}

func prepareDelete(clients int) func(*bench, *server, int) error {
	return func(b *bench, s *server, round int) error {
		return b.fill(s, clients*objects, func(i int) string { return deleteKey(round, i/objects, i%objects) })
	}
}

// deleteMany removes 1,000 keys of one directory with one request.
func deleteMany() workload {
	key := func(round, request, i int) string { return fmt.Sprintf("w/many/r%d-%d/%06d", round, request, i) }
	return workload{name: "delete of 1,000", clients: 1, unit: "keys/s", goal: 4, cleans: true, count: removes, keys: countDeleted,
		prepare: func(b *bench, s *server, round int) error {
			return b.fill(s, removes*many, func(i int) string { return "/" + bucket + "/" + key(round, i/many, i%many) })
		},
		op: func(_ *bench, s *server, round, _, i int) (request, int64, error) {
			var body bytes.Buffer
			body.WriteString("<Delete>")
			for k := range many {
				fmt.Fprintf(&body, "<Object><Key>%s</Key></Object>", key(round, i, k))
			}
			body.WriteString("</Delete>")
			md := md5.Sum(body.Bytes()) //nolint:gosec // as above
			h := map[string]string{"Content-MD5": base64.StdEncoding.EncodeToString(md[:])}
			return s.keys.sign(s.addr, "POST", "/"+bucket, "delete=", body.Bytes(), sum(body.Bytes()), h, http.StatusOK), 0, nil
		}}
}

// listPage lists a directory that fits into one page.
func listPage(goal float64) workload {
	return workload{name: "list page of 500", clients: 1, unit: "keys/s", goal: goal, keys: countKeys,
		prepare: func(b *bench, s *server, _ int) error {
			if b.made[s.name+"/page"]++; b.made[s.name+"/page"] > 1 {
				return nil
			}
			return b.fill(s, page, func(i int) string { return fmt.Sprintf("/%s/w/page/key-%06d", bucket, i) })
		}, op: listFrom("w/page/", page, func(int) string { return "" })}
}

func listFrom(prefix string, most int, after func(i int) string) func(*bench, *server, int, int, int) (request, int64, error) {
	return func(b *bench, s *server, _, _, i int) (request, int64, error) {
		return s.keys.sign(s.addr, "GET", "/"+bucket, listQuery(prefix, after(i), most), nil, b.emptySum, nil, http.StatusOK), 0, nil
	}
}

func listWorkloads() []workload {
	// Once for both rows, and before each cell a gateway with nothing in memory.
	prepare := func(b *bench, s *server, _ int) error {
		if b.made[s.name+"/list"]++; b.made[s.name+"/list"] == 1 {
			if err := b.fill(s, listed, func(i int) string { return fmt.Sprintf("/%s/w/list/key-%06d", bucket, i) }); err != nil {
				return err
			}
		}
		return s.cold()
	}
	return []workload{
		listPage(5),
		{name: "list 100,000 in pages of 1,000", clients: 1, unit: "keys/s", count: listed / 1000, goal: 4, prepare: prepare, keys: countKeys,
			op: listFrom("w/list/", 1000, func(i int) string {
				if i == 0 {
					return ""
				}
				return fmt.Sprintf("w/list/key-%06d", i*1000-1)
			})},
		{name: "list page of 1,000 from a random key of 100,000", clients: 1, unit: "keys/s", count: 8, goal: 3, prepare: prepare, keys: countKeys,
			op: listFrom("w/list/", 1000, func(int) string { return fmt.Sprintf("w/list/key-%06d", rand.IntN(listed-1001)) })},
	}
}
