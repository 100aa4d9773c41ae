package gateway

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"juicefs/pkg/checksum"
)

// begin starts an upload and returns its id.
func (c *raw) begin(key string, headers ...string) string {
	c.t.Helper()
	got := c.send("POST", "/bodies/"+key+"?uploads", "", 0, headers...)
	must200(c.t, got, 200)
	var r struct {
		UploadID string `xml:"UploadId"`
	}
	must(c.t, xml.Unmarshal([]byte(got.body), &r))
	for k := 0; k < len(headers); k += 2 {
		same(c.t, headers[k], got.header.Get(headers[k]), headers[k+1])
	}
	return r.UploadID
}

// part stores a part and returns its element in the list of parts, with the checksum that was sent or computed.
func (c *raw) part(key, id string, n int, data string, a checksum.Algorithm) string {
	c.t.Helper()
	var headers []string
	if a != checksum.None {
		headers = []string{a.Header(), sumText(a, data)}
	}
	got := c.send("PUT", fmt.Sprintf("/bodies/%s?partNumber=%d&uploadId=%s", key, n, id), data, int64(len(data)), headers...)
	must200(c.t, got, 200)
	if a != checksum.None {
		same(c.t, "sum of the part", got.header.Get(a.Header()), sumText(a, data))
	}
	element := ""
	for _, a := range checksum.Algorithms {
		if sum := got.header.Get(a.Header()); sum != "" {
			element = fmt.Sprintf("<Checksum%v>%s</Checksum%v>", a, sum, a)
		}
	}
	return fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag>%s</Part>", n, got.header.Get("ETag"), element)
}

func (c *raw) complete(key, id, parts string, headers ...string) answered {
	c.t.Helper()
	list := "<CompleteMultipartUpload>" + parts + "</CompleteMultipartUpload>"
	return c.send("POST", "/bodies/"+key+"?uploadId="+id, list, int64(len(list)), headers...)
}

// serveUploadSums: objects that come in parts.
func serveUploadSums(t *testing.T, c *raw) {
	one, two := string(noise(5<<20)), string(noise(1000))
	parts := func(a checksum.Algorithm) []checksum.Part {
		return []checksum.Part{{Sum: sumFor(t, a, sumText(a, one)), Size: int64(len(one))}, {Sum: sumFor(t, a, sumText(a, two)), Size: int64(len(two))}}
	}
	whole := func(a checksum.Algorithm, k checksum.Kind) string {
		if k == checksum.FullObject {
			return sumText(a, one+two)
		}
		return checksum.Compose(parts(a)).String()
	}
	for _, a := range checksum.Algorithms {
		for _, k := range []checksum.Kind{checksum.FullObject, checksum.Composite} {
			if !a.Allows(k) {
				got := c.send("POST", "/bodies/bad?uploads", "", 0, "X-Amz-Checksum-Algorithm", a.String(), "X-Amz-Checksum-Type", string(k))
				same(t, "what cannot be", []any{got.status, got.code}, []any{400, "InvalidRequest"})
				continue
			}
			id := c.begin("parts", "x-amz-checksum-algorithm", a.String(), "x-amz-checksum-type", string(k))
			p1, p2 := c.part("parts", id, 1, one, a), c.part("parts", id, 2, two, checksum.None) // which is computed
			list := c.send("GET", "/bodies/parts?uploadId="+id, "", 0)
			for _, want := range []string{sumText(a, one), sumText(a, two), "<ChecksumAlgorithm>" + a.String(), "<ChecksumType>" + string(k)} {
				if !strings.Contains(list.body, want) {
					t.Errorf("%v: no %s in %s", a, want, list.body)
				}
			}
			got := c.complete("parts", id, p1+p2, a.Header(), whole(a, k), "X-Amz-Checksum-Type", string(k), "X-Amz-Mp-Object-Size", strconv.Itoa(len(one)+len(two)))
			same(t, "status", got.status, 200)
			if want := fmt.Sprintf("<Checksum%v>%s</Checksum%v><ChecksumType>%s</ChecksumType></CompleteMultipartUploadResult>", a, whole(a, k), a, k); !strings.Contains(got.body, want) {
				t.Errorf("%v: no %s in %s", a, want, got.body)
			}
			got = c.send("HEAD", "/bodies/parts", "", 0, "X-Amz-Checksum-Mode", "ENABLED")
			same(t, "sum", []any{got.header.Get(a.Header()), got.header.Get("X-Amz-Checksum-Type")}, []any{whole(a, k), string(k)})
		}
	}
	serveWrongSums(t, c, one, two)
	id := c.begin("parts")
	got := c.complete("parts", id, c.part("parts", id, 1, one, checksum.None)+c.part("parts", id, 2, two, checksum.None), "x-amz-checksum-crc64nvme", sumText(checksum.CRC64NVME, one+two))
	same(t, "undeclared", got.status, 200)
	got = c.send("HEAD", "/bodies/parts", "", 0, "X-Amz-Checksum-Mode", "ENABLED")
	same(t, "undeclared", got.header.Get("x-amz-checksum-crc64nvme"), sumText(checksum.CRC64NVME, one+two))
	id = c.begin("parts")
	got = c.complete("parts", id, c.part("parts", id, 1, one, checksum.CRC32)+c.part("parts", id, 2, two, checksum.CRC32))
	same(t, "undeclared, of the parts", got.status, 200)
	got = c.send("HEAD", "/bodies/parts", "", 0, "X-Amz-Checksum-Mode", "ENABLED")
	same(t, "undeclared, of the parts", got.header.Get("x-amz-checksum-crc32"), checksum.Compose(parts(checksum.CRC32)).String())
	id = c.begin("parts")
	got = c.complete("parts", id, c.part("parts", id, 1, one, checksum.None))
	same(t, "none", got.status, 200)
	got = c.send("HEAD", "/bodies/parts", "", 0, "X-Amz-Checksum-Mode", "ENABLED")
	same(t, "none", got.header.Get("x-amz-checksum-type"), "")
}

func serveWrongSums(t *testing.T, c *raw, one, two string) {
	id := c.begin("bad", "x-amz-checksum-algorithm", "CRC32C", "x-amz-checksum-type", "FULL_OBJECT")
	p1, p2 := c.part("bad", id, 1, one, checksum.CRC32C), c.part("bad", id, 2, two, checksum.CRC32C)
	got := c.send("PUT", "/bodies/bad?partNumber=2&uploadId="+id, two, int64(len(two)), "x-amz-checksum-sha1", sumText(checksum.SHA1, two))
	same(t, "other algorithm", []any{got.status, got.code}, []any{400, "InvalidRequest"})
	got = c.send("PUT", "/bodies/bad?partNumber=2&uploadId="+id, two, int64(len(two)), "x-amz-checksum-crc32c", sumText(checksum.CRC32C, one))
	same(t, "wrong sum of a part", []any{got.status, got.code}, []any{400, "BadDigest"})
	for _, bad := range []struct {
		name, parts string
		headers     []string
		want        string
	}{
		{"whole", p1 + p2, []string{"x-amz-checksum-crc32c", sumText(checksum.CRC32C, one)}, "BadDigest"},
		{"whole of another algorithm", p1 + p2, []string{"x-amz-checksum-crc32", sumText(checksum.CRC32, one+two)}, "BadDigest"},
		{"malformed", p1 + p2, []string{"x-amz-checksum-crc32c", "x"}, "InvalidRequest"},
		{"two", p1 + p2, []string{"x-amz-checksum-crc32c", sumText(checksum.CRC32C, one), "x-amz-checksum-crc32", sumText(checksum.CRC32, one)}, "InvalidRequest"},
		{"part", p1 + strings.Replace(p2, sumText(checksum.CRC32C, two), sumText(checksum.CRC32C, one), 1), nil, "InvalidPart"},
		{"part of another algorithm", p1 + strings.ReplaceAll(p2, "ChecksumCRC32C", "ChecksumCRC32"), nil, "InvalidPart"},
		{"part malformed", p1 + strings.Replace(p2, "<ChecksumCRC32C>", "<ChecksumCRC32C>x", 1), nil, "InvalidRequest"},
		{"size", p1 + p2, []string{"x-amz-mp-object-size", "7"}, "InvalidRequest"},
		{"size that is none", p1 + p2, []string{"x-amz-mp-object-size", "-7"}, "InvalidRequest"},
		{"kind", p1 + p2, []string{"x-amz-checksum-type", "COMPOSITE"}, "InvalidRequest"},
		{"kind that is none", p1 + p2, []string{"x-amz-checksum-type", "WHOLE"}, "InvalidRequest"},
	} {
		got := c.complete("bad", id, bad.parts, bad.headers...)
		same(t, bad.name, []any{got.status, got.code}, []any{400, bad.want})
	}
	must200(t, c.send("DELETE", "/bodies/bad?uploadId="+id, "", 0), 204)
	serveMissingSums(t, c, one, two)
	for _, headers := range [][]string{{"x-amz-checksum-algorithm", "MD5"}, {"x-amz-checksum-type", "COMPOSITE"}} {
		got := c.send("POST", "/bodies/bad?uploads", "", 0, headers...)
		same(t, headers[0], []any{got.status, got.code}, []any{400, "InvalidRequest"})
	}
}

// serveMissingSums: a sum over the sums of the parts takes a client that names all of them, one behind the other.
func serveMissingSums(t *testing.T, c *raw, one, two string) {
	without := func(part string) string {
		from, to := strings.Index(part, "<Checksum"), strings.LastIndex(part, "</Part>")
		return part[:from] + part[to:]
	}
	for _, declared := range []bool{true, false} {
		var how []string
		if declared {
			how = []string{"x-amz-checksum-algorithm", "SHA256", "x-amz-checksum-type", "COMPOSITE"}
		}
		id := c.begin("missing", how...)
		p1, p2, p4 := c.part("missing", id, 1, one, checksum.SHA256), c.part("missing", id, 2, one, checksum.SHA256), c.part("missing", id, 4, two, checksum.SHA256)
		for _, bad := range []struct{ name, parts, want, message string }{
			{"the first", without(p1) + p2, "InvalidRequest", "missing for part 1 in the request."},
			{"the last", p1 + p2 + without(p4), "InvalidRequest", "missing for part 4 in the request."},
			{"a gap", p1 + p2 + p4, "InvalidPartOrder", ""},
			{"a gap at the begin", p2, "InvalidPartOrder", ""},
		} {
			got := c.complete("missing", id, bad.parts)
			same(t, bad.name, []any{got.status, got.code, strings.Contains(got.body, bad.message)}, []any{400, bad.want, true})
		}
		if declared {
			got := c.complete("missing", id, without(p1)+without(p2))
			same(t, "all", []any{got.status, got.code}, []any{400, "InvalidRequest"})
		}
		must200(t, c.complete("missing", id, p1+p2), 200)
	}
	// A sum of the data needs none of it.
	id := c.begin("missing", "x-amz-checksum-algorithm", "CRC32", "x-amz-checksum-type", "FULL_OBJECT")
	p1, p3 := c.part("missing", id, 1, one, checksum.CRC32), c.part("missing", id, 3, two, checksum.CRC32)
	must200(t, c.complete("missing", id, without(p1)+p3), 200)
	got := c.send("HEAD", "/bodies/missing", "", 0, "X-Amz-Checksum-Mode", "ENABLED")
	same(t, "sum", got.header.Get("x-amz-checksum-crc32"), sumText(checksum.CRC32, one+two))
}

// serveCopySums: copies of objects and of parts.
func serveCopySums(t *testing.T, c *raw) {
	head := func(key, field string) string {
		return c.send("HEAD", "/bodies/"+key, "", 0, "X-Amz-Checksum-Mode", "ENABLED").header.Get(field)
	}
	must200(t, c.send("PUT", "/bodies/src", "hello", 5, "x-amz-checksum-crc32", sumText(checksum.CRC32, "hello")), 200)
	got := c.send("PUT", "/bodies/dst", "", 0, "x-amz-copy-source", "/bodies/src")
	want := "<ChecksumCRC32>" + sumText(checksum.CRC32, "hello") + "</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType></CopyObjectResult>"
	same(t, "copy", []any{got.status, strings.Contains(got.body, want)}, []any{200, true})
	same(t, "copy", head("dst", "x-amz-checksum-crc32"), sumText(checksum.CRC32, "hello"))
	got = c.send("PUT", "/bodies/dst", "", 0, "x-amz-copy-source", "/bodies/src", "x-amz-checksum-algorithm", "SHA256")
	same(t, "another", []any{got.status, strings.Contains(got.body, sumText(checksum.SHA256, "hello"))}, []any{200, true})
	same(t, "another", []string{head("dst", "x-amz-checksum-sha256"), head("dst", "x-amz-checksum-crc32")}, []string{sumText(checksum.SHA256, "hello"), ""})
	got = c.send("PUT", "/bodies/src", "", 0, "x-amz-copy-source", "/bodies/src", "x-amz-checksum-algorithm", "SHA1", "x-amz-metadata-directive", "REPLACE", "x-amz-meta-k", "v")
	same(t, "onto itself", []any{got.status, strings.Contains(got.body, sumText(checksum.SHA1, "hello"))}, []any{200, true})
	same(t, "onto itself", head("src", "x-amz-checksum-sha1"), sumText(checksum.SHA1, "hello"))
	got = c.send("PUT", "/bodies/src", "", 0, "x-amz-copy-source", "/bodies/src", "x-amz-metadata-directive", "REPLACE", "x-amz-meta-k", "w")
	same(t, "onto itself, kept", []any{got.status, head("src", "x-amz-checksum-sha1")}, []any{200, sumText(checksum.SHA1, "hello")})
	got = c.send("PUT", "/bodies/bad", "", 0, "x-amz-copy-source", "/bodies/src", "x-amz-checksum-algorithm", "MD5")
	same(t, "unknown", []any{got.status, got.code}, []any{400, "InvalidRequest"})
	must200(t, c.send("PUT", "/bodies/nosum", "hello", 5), 200)
	got = c.send("PUT", "/bodies/dst", "", 0, "x-amz-copy-source", "/bodies/nosum")
	same(t, "of one without", []any{got.status, strings.Contains(got.body, "Checksum")}, []any{200, false})
	must200(t, c.send("PUT", "/bodies/nodata", "", 0, "x-amz-checksum-crc32", "AAAAAA=="), 200)
	must200(t, c.send("PUT", "/bodies/nodir/", "", 0, "x-amz-copy-source", "/bodies/nodata"), 200)
	same(t, "a directory", head("nodir/", "x-amz-checksum-crc32"), "AAAAAA==")

	data := string(noise(5 << 20))
	must200(t, c.send("PUT", "/bodies/src", data, int64(len(data)), "x-amz-checksum-crc32", sumText(checksum.CRC32, data)), 200)
	id := c.begin("dst", "x-amz-checksum-algorithm", "CRC32", "x-amz-checksum-type", "FULL_OBJECT")
	list := ""
	for n, span := range []string{"", "bytes=0-5242879", "bytes=10-19"} {
		headers := []string{"x-amz-copy-source", "/bodies/src"}
		piece := data
		if span != "" {
			headers = append(headers, "x-amz-copy-source-range", span)
		}
		if n == 2 {
			piece = data[10:20]
		}
		got := c.send("PUT", fmt.Sprintf("/bodies/dst?partNumber=%d&uploadId=%s", n+1, id), "", 0, headers...)
		want := "<ChecksumCRC32>" + sumText(checksum.CRC32, piece) + "</ChecksumCRC32></CopyPartResult>"
		same(t, "part "+span, []any{got.status, strings.Contains(got.body, want)}, []any{200, true})
		list += fmt.Sprintf("<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", n+1, md5Hex([]byte(piece)))
	}
	must200(t, c.complete("dst", id, list), 200)
	same(t, "of copied parts", head("dst", "x-amz-checksum-crc32"), sumText(checksum.CRC32, data+data+data[10:20]))
}
