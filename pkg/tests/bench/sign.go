package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"
)

// keys are the credentials of all servers under test.
type keys struct{ access, secret string }

// request is one signed HTTP/1.1 request, head and body as they go over the wire.
type request struct {
	head  []byte
	body  []byte
	parts net.Buffers // the body in pieces, in place of body
	want  int         // status
	chain chain       // signs what the body brings
}

// sign builds a request. path is already escaped; query is canonical: sorted, escaped, "k=v" joined by "&".
func (k keys) sign(host, method, path, query string, body []byte, bodySum string, header map[string]string, want int) request {
	q := k.signLong(host, method, path, query, len(body), bodySum, header, want)
	q.body = body
	return q
}

// signLong builds the head of a request whose body has a length in bytes.
func (k keys) signLong(host, method, path, query string, length int, bodySum string, header map[string]string, want int) request {
	now := time.Now().UTC()
	stamp, day := now.Format("20060102T150405Z"), now.Format("20060102")
	signed := map[string]string{"host": host, "x-amz-content-sha256": bodySum, "x-amz-date": stamp}
	for n, v := range header {
		if n = strings.ToLower(n); strings.HasPrefix(n, "x-amz-") {
			signed[n] = v
		}
	}
	names := slices.Sorted(maps.Keys(signed))
	var canon bytes.Buffer
	fmt.Fprintf(&canon, "%s\n%s\n%s\n", method, path, query)
	for _, n := range names {
		fmt.Fprintf(&canon, "%s:%s\n", n, signed[n])
	}
	fmt.Fprintf(&canon, "\n%s\n%s", strings.Join(names, ";"), bodySum)
	scope := day + "/us-east-1/s3/aws4_request"
	text := "AWS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n" + sum(canon.Bytes())
	key := []byte("AWS4" + k.secret)
	for _, part := range []string{day, "us-east-1", "s3", "aws4_request"} {
		key = mac(key, part)
	}
	signature := hex.EncodeToString(mac(key, text))
	var head bytes.Buffer
	target := path
	if query != "" {
		target += "?" + query
	}
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nX-Amz-Content-Sha256: %s\r\nX-Amz-Date: %s\r\n", method, target, host, bodySum, stamp)
	fmt.Fprintf(&head, "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s\r\n",
		k.access, scope, strings.Join(names, ";"), signature)
	for n, v := range header {
		fmt.Fprintf(&head, "%s: %s\r\n", n, v)
	}
	if method == "PUT" || method == "POST" {
		fmt.Fprintf(&head, "Content-Length: %d\r\n", length)
	}
	head.WriteString("\r\n")
	return request{head: head.Bytes(), want: want, chain: chain{key: key, stamp: stamp, scope: scope, previous: signature}}
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}
