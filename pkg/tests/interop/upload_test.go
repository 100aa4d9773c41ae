package interop

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// An upload begun on one gateway is seen, filled, and completed or given up on the other.
func TestAnUploadGoesOnAtTheOtherGateway(t *testing.T) {
	records.run(t, func(t *testing.T, e engine, writer, reader oracle.Program) {
		for _, l := range []layout{multi, single} {
			if e.name == redis.name && l.buckets == writer.Original {
				continue // how buckets lie is above the engine: each order of programs has one there
			}
			t.Run(l.name, func(t *testing.T) {
				t.Parallel()
				v := e.format(t, writer, oracle.FormatOptions{})
				wg, rg := start(t, writer, v, l), start(t, reader, v, l)
				b := newBucket(v.Name)
				w, r := newAuthor(t, wg, b), newAuthor(t, rg, b)
				if l.buckets {
					w.makeBucket()
				}
				o := minio.PutObjectOptions{
					ContentType:  "video/mp4",
					CacheControl: "no-store",
					UserMetadata: map[string]string{"Begun": "elsewhere"},
					UserTags:     map[string]string{"begun": "elsewhere"},
				}

				// Begun by w, parts from both, one of them sent again by the other, completed by r.
				u := w.begin("deep/er/key", o)
				u.part(w, 1, content("w1", 40*mib+1))
				u.part(r, 2, content("r2", 30*mib+1))
				u.part(w, 3, content("w3", 5*mib))
				u.part(r, 3, content("r3", 6*mib))
				u.part(r, 10, content("r10", 5))
				for _, a := range []*author{w, r} {
					u.listed(a)
					if _, err := a.s3.StatObject(t.Context(), b.name, u.key, minio.StatObjectOptions{}); code(err) != "NoSuchKey" {
						t.Errorf("%s: HEAD before completion: %v, want NoSuchKey", a.g.Program.Name, err)
					}
				}
				// A wrong ETag completes nothing and harms nothing.
				_, err := r.s3.CompleteMultipartUpload(t.Context(), b.name, u.key, u.id, []minio.CompletePart{{PartNumber: 1, ETag: u.etags[2]}})
				if code(err) != "InvalidPart" {
					t.Errorf("%s: completion with a wrong ETag: %v, want InvalidPart", r.g.Program.Name, err)
				}
				u.complete(r)
				for _, a := range []*author{w, r} {
					u.gone(a)
				}

				// The same in the other direction, replacing an object.
				r.put("replaced", content("old", 5*mib), minio.PutObjectOptions{})
				u = r.begin("replaced", o)
				u.part(w, 1, content("x1", 5*mib+7))
				u.part(r, 2, content("x2", 1))
				u.listed(w)
				u.complete(w)
				u.gone(r)

				// Given up by the other.
				for _, by := range [][2]*author{{w, r}, {r, w}} {
					u = by[0].begin("given-up", o)
					u.part(by[0], 1, content("y", 9*mib))
					if err := by[1].s3.AbortMultipartUpload(t.Context(), b.name, u.key, u.id); err != nil {
						t.Errorf("%s: abort: %v", by[1].g.Program.Name, err)
					}
					u.gone(by[0])
					u.gone(by[1])
					b.absent["given-up"] = true
				}

				// Left open while both gateways go and come again.
				left := w.begin("left-open", o)
				left.part(w, 1, content("z1", 8*mib))
				v.Settle(t, settleTime)
				wg.Stop(t)
				rg.Stop(t)
				oracle.Judge(t, v)
				rg = start(t, reader, v, l)
				r = newAuthor(t, rg, b)
				left.listed(r)
				left.part(r, 2, content("z2", 10))
				left.complete(r)
				v.Settle(t, settleTime)
				verify(t, rg, b)
				rg.Stop(t)
				oracle.Judge(t, v)
			})
		}
	})
}

// listed checks that a gateway lists the upload and its parts.
func (u *upload) listed(a *author) {
	a.Helper()
	res, err := a.s3.ListMultipartUploads(a.Context(), a.b.name, u.key, "", "", "", 10)
	if err != nil {
		a.Errorf("%s: list of uploads: %v", a.g.Program.Name, err)
		return
	}
	var ids []string
	for _, up := range res.Uploads {
		ids = append(ids, up.Key+" "+up.UploadID)
	}
	if d := cmp.Diff(ids, []string{u.key + " " + u.id}); d != "" {
		a.Errorf("%s: list of uploads: -got +want\n%s", a.g.Program.Name, d)
	}
	parts, err := a.s3.ListObjectParts(a.Context(), a.b.name, u.key, u.id, 0, 1000)
	if err != nil {
		a.Errorf("%s: list of parts: %v", a.g.Program.Name, err)
		return
	}
	var got, want []string
	for _, p := range parts.ObjectParts {
		got = append(got, fmt.Sprintf("%d: %d bytes, %s", p.PartNumber, p.Size, strings.Trim(p.ETag, `"`)))
	}
	for n := 1; len(want) < len(u.data); n++ {
		if data, ok := u.data[n]; ok {
			want = append(want, fmt.Sprintf("%d: %d bytes, %s", n, len(data), u.etags[n]))
		}
	}
	if d := cmp.Diff(got, want); d != "" {
		a.Errorf("%s: list of parts: -got +want\n%s", a.g.Program.Name, d)
	}
}

// gone checks that a gateway knows the upload no more.
func (u *upload) gone(a *author) {
	a.Helper()
	if _, err := a.s3.ListObjectParts(a.Context(), a.b.name, u.key, u.id, 0, 1000); code(err) != "NoSuchUpload" {
		a.Errorf("%s: list of parts of an ended upload: %v, want NoSuchUpload", a.g.Program.Name, err)
	}
	res, err := a.s3.ListMultipartUploads(a.Context(), a.b.name, "", "", "", "", 1000)
	if err != nil {
		a.Errorf("%s: list of uploads: %v", a.g.Program.Name, err)
	}
	for _, up := range res.Uploads {
		if up.UploadID == u.id {
			a.Errorf("%s: an ended upload of %s is still listed", a.g.Program.Name, up.Key)
		}
	}
}
