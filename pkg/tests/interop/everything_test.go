package interop

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

const (
	kib = 1 << 10
	mib = 1 << 20

	// settleTime is how long the data of removed objects may take to go from the folder.
	settleTime = time.Minute
)

// One program formats the volume and writes everything; the other reads it all, alters it and writes everything again; the first
// reads that. Then both go, the original judges, and a gateway of each without any cache reads it all once more.
func TestEachReadsAndAltersWhatTheOtherWrote(t *testing.T) {
	slices.Concat(records, names).run(t, func(t *testing.T, e engine, writer, reader oracle.Program) {
		for _, c := range []struct {
			layout layout
			trash  int // days
		}{{multi, 0}, {single, 1}} {
			if e.name != sqlite.name && c.layout.buckets == writer.Original {
				continue // how buckets lie is above the engine: each order of programs has one there
			}
			t.Run(fmt.Sprintf("%s, %d days of trash", c.layout.name, c.trash), func(t *testing.T) {
				t.Parallel()
				v := e.format(t, writer, oracle.FormatOptions{TrashDays: c.trash})
				a, b := start(t, writer, v, c.layout), start(t, reader, v, c.layout)

				first, second := newBucket("first"), newBucket("second")
				if !c.layout.buckets {
					// One bucket for both: what b writes replaces what a wrote.
					first = newBucket(v.Name)
					second = first
				}
				wa := newAuthor(t, a, first)
				if c.layout.buckets {
					wa.makeBucket()
				}
				everything(wa, "a")
				verify(t, b, first)

				alter(newAuthor(t, b, first))
				verify(t, a, first)

				wb := newAuthor(t, b, second)
				if c.layout.buckets {
					wb.makeBucket()
				}
				everything(wb, "b")
				verify(t, a, second)

				v.Settle(t, settleTime)
				stat := v.Status(t).Stat
				if got := stat.TrashFileCount > 0; got != (c.trash > 0) {
					t.Errorf("%d files in the trash with %d days of trash", stat.TrashFileCount, c.trash)
				}
				a.Stop(t)
				b.Stop(t)
				oracle.Judge(t, v)
				last := []oracle.Program{writer}
				if reader.Path != writer.Path {
					last = append(last, reader)
				}
				for _, p := range last {
					g := start(t, p, v, c.layout)
					verify(t, g, first)
					if second != first {
						verify(t, g, second)
					}
					g.Stop(t)
				}
				oracle.Judge(t, v)
			})
		}
	})
}

// everything writes objects of all kinds. The salt makes their bytes differ from those of another call.
func everything(a *author, salt string) {
	a.Helper()
	data := func(name string, n int) []byte { return content(salt+name, n) }
	plain := minio.PutObjectOptions{}

	// Sizes: nothing, a byte, less than a block, more than a block, more than a chunk.
	a.put("size/0", nil, plain)
	a.put("size/1", data("1", 1), plain)
	a.put("size/4k", data("4k", 4*kib), plain)
	a.put("size/block", data("block", 4*mib), plain)
	a.put("size/5m", data("5m", 5*mib), plain)
	a.put("size/70m", data("70m", 70*mib), plain)

	// Parts whose borders fall inside blocks, and one that lies across the border of a chunk.
	a.parts("parts/across", [][]byte{data("p1", 40*mib+3), data("p2", 26*mib+1), data("p3", 5*mib), data("p4", 77)}, minio.PutObjectOptions{
		ContentType:  "application/x-parts",
		UserMetadata: map[string]string{"Made-Of": "four parts"},
		UserTags:     map[string]string{"parts": "4"},
	})
	a.parts("parts/one", [][]byte{data("one", 10)}, plain)
	u := a.begin("parts/copied", plain)
	u.partCopy(a, 1, "size/5m", 0, -1)
	u.partCopy(a, 2, "size/70m", 61*mib+5, 6*mib) // across the border of a chunk
	u.part(a, 3, data("p", 3))
	u.complete(a)

	// Replaced: by something smaller, larger, and of another kind.
	a.put("replaced/smaller", data("r1", 5*mib), minio.PutObjectOptions{UserMetadata: map[string]string{"Old": "gone"}, UserTags: map[string]string{"old": "gone"}})
	a.put("replaced/smaller", data("r2", 4*kib), plain)
	a.put("replaced/larger", data("r3", 1), plain)
	a.put("replaced/larger", data("r4", 9*mib), minio.PutObjectOptions{ContentType: "text/plain"})
	a.parts("replaced/parts", [][]byte{data("r5", 5*mib), data("r6", 5)}, plain)
	a.put("replaced/parts", nil, plain)
	a.put("replaced/by-parts", data("r7", 100), plain)
	a.parts("replaced/by-parts", [][]byte{data("r8", 6*mib), data("r9", 1)}, plain)

	// Metadata and tags.
	rich := minio.PutObjectOptions{
		ContentType:        "text/html; charset=utf-8",
		ContentDisposition: `attachment; filename="a b.html"`,
		ContentEncoding:    "br",
		ContentLanguage:    "de, en",
		CacheControl:       "max-age=60, public",
		UserMetadata:       map[string]string{"Color": "blue", "Empty-Not": "x=y&z", "Long": strings.Repeat("m", 1000)},
		UserTags:           map[string]string{"team": "red", "a/b": "c d+e", "empty": ""},
	}
	a.put("meta/rich", data("rich", 100), rich)
	a.put("meta/tagged-later", data("tagged", 100), plain)
	a.tag("meta/tagged-later", map[string]string{"late": "yes"})
	a.put("meta/retagged", data("retagged", 100), rich)
	a.tag("meta/retagged", map[string]string{"only": "this"})
	a.put("meta/untagged", data("untagged", 100), rich)
	a.tag("meta/untagged", nil)

	// Copies.
	a.copied("size/70m", "copy/70m", nil)
	a.copied("meta/rich", "copy/rich", nil)
	a.copied("meta/rich", "copy/other-meta", &minio.PutObjectOptions{ContentType: "image/png", UserMetadata: map[string]string{"New": "1"}, UserTags: map[string]string{"new": "2"}})
	a.copied("parts/across", "copy/parts", nil)
	a.copied("size/0", "copy/0", nil)
	a.put("copy/over", data("over", 6*mib), plain)
	a.copied("size/5m", "copy/over", nil)

	// A copy outlives its source, in whole and in parts.
	a.put("source/gone", data("source", 9*mib), plain)
	a.copied("source/gone", "copy/of-gone", nil)
	a.remove("source/gone")

	// Directory objects, with something in them and without.
	a.mkdir("dir/empty/")
	a.mkdir("dir/full/")
	a.put("dir/full/x", data("x", 10), plain)
	a.mkdir("dir/left/")
	a.put("dir/left/x", data("x", 10), plain)
	a.remove("dir/left/x")
	a.mkdir("dir/removed/")
	a.remove("dir/removed/")

	// Names.
	for _, key := range []string{
		"names/with space", "names/plus+sign", "names/percent%41", "names/quote\"'<>&", "names/ünï/日本語/😀",
		"names/order", "names/order.txt", "names/order-", "names/" + strings.Repeat("n", 255), "top",
	} {
		a.put(key, []byte(key), plain)
	}

	// Removed, one by one and many at once; emptied parents go too.
	for i := range 8 {
		a.put(fmt.Sprintf("removed/deep/%d/x", i), data("d", 10), plain)
		a.put(fmt.Sprintf("removed/many/%d", i), data("e", 5*mib), plain)
	}
	for i := range 8 {
		a.remove(fmt.Sprintf("removed/deep/%d/x", i))
	}
	var many []string
	for i := range 7 {
		many = append(many, fmt.Sprintf("removed/many/%d", i))
	}
	a.removeMany(many...)
}

// alter changes what another program has written: each kind of change to each kind of object.
func alter(a *author) {
	a.Helper()
	plain := minio.PutObjectOptions{}
	a.put("size/0", content("alter", 5), plain)
	a.put("size/70m", content("alter70", 3), plain)
	a.put("size/1", content("alter1", 8*mib+1), plain)
	a.copied("parts/across", "altered/copy", nil)
	a.parts("parts/across", [][]byte{content("alter2", 5*mib), content("alter3", 5*mib+1)}, plain)
	u := a.begin("altered/parts", plain)
	u.partCopy(a, 1, "altered/copy", 0, -1)
	u.partCopy(a, 2, "copy/70m", 60*mib, 5*mib)
	u.complete(a)
	a.tag("meta/rich", map[string]string{"altered": "tag"})
	a.tag("meta/retagged", nil)
	a.copied("copy/rich", "altered/rich", &minio.PutObjectOptions{ContentType: "text/css"})
	a.remove("size/5m", "copy/70m", "dir/empty/", "dir/full/x", "names/ünï/日本語/😀", "top")
	a.removeMany("copy/parts", "copy/0", "meta/untagged", "replaced/parts")
	a.put("dir/left/again", content("again", 10), plain)
}

// Without trash the blocks of what is removed, replaced or given up go from the folder while the gateways run; what a copy still
// needs stays. One program writes, the other removes.
func TestRemovedDataIsGone(t *testing.T) {
	records.run(t, func(t *testing.T, e engine, writer, reader oracle.Program) {
		v := e.format(t, writer, oracle.FormatOptions{})
		wg, rg := start(t, writer, v, multi), start(t, reader, v, multi)
		b := newBucket("bucket")
		w, r := newAuthor(t, wg, b), newAuthor(t, rg, b)
		w.makeBucket()
		plain := minio.PutObjectOptions{}
		for _, key := range []string{"removed", "many/1", "many/2", "replaced", "source", "small/1", "moved"} {
			w.put(key, content(key, 9*mib), plain)
		}
		w.put("small/2", content("small", 10), plain)
		w.parts("parts", [][]byte{content("p1", 5*mib+1), content("p2", 70*mib)}, plain)
		w.copied("source", "copy", nil)
		given := w.begin("given-up", plain)
		given.part(w, 1, content("g1", 6*mib))
		given.part(r, 2, content("g2", 6*mib))
		u := w.begin("part-replaced", plain)
		u.part(w, 1, content("u1", 6*mib))
		u.part(r, 1, content("u2", 7*mib))
		u.complete(w)

		v.Settle(t, settleTime)
		before := v.Dump(t)
		doomed := map[string]string{} // block to the key that it belongs to
		for _, path := range []string{"removed", "many/1", "many/2", "replaced", "small/1", "small/2", "moved", "parts"} {
			n := before.Find("/bucket/" + path)
			if n == nil {
				t.Fatalf("the dump has no /bucket/%s", path)
			}
			for name := range before.BlocksOf(n) {
				doomed[name] = path
			}
		}
		if len(doomed) < 39 {
			t.Fatalf("%d blocks to go, too few to show anything", len(doomed))
		}

		r.remove("removed", "small/1", "small/2", "parts", "source")
		r.removeMany("many/1", "many/2")
		r.put("replaced", content("new", 10), plain)
		r.copied("moved", "moved-to", nil)
		r.remove("moved")
		r.copied("copy", "moved-to", nil) // the last reference to moved
		if err := r.s3.AbortMultipartUpload(t.Context(), b.name, given.key, given.id); err != nil {
			t.Fatal(err)
		}
		oracle.Poll(t, settleTime, func() error {
			have := v.Blocks(t)
			for name, path := range doomed {
				if _, ok := have[name]; ok {
					return fmt.Errorf("block %s of %s is still there", name, path)
				}
			}
			return nil
		})
		v.Settle(t, settleTime)
		verify(t, wg, b)
		verify(t, rg, b)
		wg.Stop(t)
		rg.Stop(t)
		oracle.Judge(t, v)
	})
}
