package gateway

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	minio "github.com/minio/minio/cmd"

	"juicefs/meta/record"
	"juicefs/pkg/checksum"
	"juicefs/vfs"
)

func typeName(err error) string { return fmt.Sprintf("%T", err) }

func TestMetaIsAsTheOriginalHasIt(t *testing.T) {
	t.Parallel()
	got, err := encodeMeta(map[string]string{"content-type": "text/plain", "X-Amz-Meta-K": "v", "X-Amz-Tagging": "a=b", "etag": "x",
		"x-amz-storage-class": "STANDARD", "X-Minio-Internal-x": "y"})
	if err != nil {
		t.Fatal(err)
	}
	// Observed on juicefs 1.4.1.
	if want := `{"content-type":"text/plain","x-amz-meta-k":"v"}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNoMetaIsNoAttribute(t *testing.T) {
	t.Parallel()
	got, err := encodeMeta(map[string]string{"X-Amz-Tagging": "a=b"})
	if got != nil || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestDecodeMetaDropsWhatIsNoMetadata(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]map[string]string{
		"":           {},
		"{":          {},
		`{"a":{}}`:   {},
		`["a"]`:      {},
		`{"a":null}`: {},
		`{"Content-Language":"de","set-cookie":"x","X-AMZ-META-A":"b","expires":"never"}`: {"content-language": "de", "x-amz-meta-a": "b", "expires": "never"},
	} {
		if d := cmp.Diff(decodeMeta([]byte(text)), want); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
}

func TestPartSizes(t *testing.T) {
	t.Parallel()
	b, err := encodeParts([]int64{8, 8, 8, 3})
	if err != nil {
		t.Fatal(err)
	}
	if want := "[[8,3],[3,1]]"; string(b) != want {
		t.Fatalf("got %s, want %s", b, want)
	}
	var got []int64
	for _, p := range decodeParts(b, 27) {
		got = append(got, p.ActualSize)
	}
	if d := cmp.Diff(got, []int64{8, 8, 8, 3}); d != "" {
		t.Error(d)
	}
	if decodeParts(b, 28) != nil {
		t.Error("parts of a file that changed are believed")
	}
	for _, bad := range []string{"", "x", "[[1]]", "[[1,1000000000]]", "[[-1,1]]", "[[0,-1]]"} {
		if decodeParts([]byte(bad), 0) != nil && bad != "[[1]]" {
			t.Errorf("%q is believed", bad)
		}
	}
}

func FuzzAttributes(f *testing.F) {
	f.Add([]byte(`{"content-type":"text/plain","x-amz-meta-k":"v"}`), int64(0))
	f.Add([]byte(`[[5242880,3],[1,1]]`), int64(15728641))
	f.Add([]byte("CRC32 AAAAAAAAAAE"), int64(0))
	f.Fuzz(func(t *testing.T, b []byte, size int64) {
		for k := range decodeMeta(b) {
			if !keptHeader(k) {
				t.Errorf("header %q", k)
			}
		}
		var sum int64
		for _, p := range decodeParts(b, size) {
			sum += p.Size
		}
		whole := checksum.Sum{Algorithm: checksum.CRC32, Value: make([]byte, 4)}
		for n := range 4 {
			if sums := decodePartSums(b, whole, n); sums != nil && (len(sums) != n || string(encodePartSums(partsOf(sums))) != string(b)) {
				t.Errorf("%q reads as %v", b, sums)
			}
		}
		if n := len(decodeParts(b, size)); n > maxPart || n > 0 && sum != size {
			t.Errorf("%d parts of %d bytes together, want %d", n, sum, size)
		}
	})
}

func TestInfoShowsWhatOptionsKeep(t *testing.T) {
	t.Parallel()
	file := &vfs.Info{Type: record.TypeFile, Size: 5, Mtime: time.Unix(7, 8), Xattrs: map[string][]byte{
		attrETag: []byte("abc"), attrTags: []byte("a=b"), attrMeta: []byte(`{"content-type":"x/y","content-encoding":"gzip","expires":"0","x-amz-meta-k":"v"}`)}}
	tgt := &target{bucket: "b", key: "k.txt"}
	all := Layer{o: Options{KeepETag: true, ObjectTag: true, ObjectMeta: true}}
	oi := all.info(tgt, file)
	want := map[string]string{"content-type": "x/y", "content-encoding": "gzip", "expires": "0", "x-amz-meta-k": "v"}
	if d := cmp.Diff(oi.UserDefined, want); d != "" {
		t.Error(d)
	}
	if oi.ETag != "abc" || oi.UserTags != "a=b" || oi.ContentType != "x/y" || oi.ContentEncoding != "gzip" || !oi.ModTime.Equal(time.Unix(7, 8)) {
		t.Errorf("got %+v", oi)
	}
	oi = (&Layer{}).info(tgt, file)
	if oi.ETag != "" || oi.UserTags != "" || len(oi.UserDefined) != 0 || oi.ContentType == "x/y" || oi.Size != 5 {
		t.Errorf("got %+v", oi)
	}
}

func TestPlainMD5(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]bool{emptyMD5: true, emptyMD5 + "-2": false, "": false, "D41D8CD98F00B204E9800998ECF8427E": false} {
		if got := plainMD5(tag); got != want {
			t.Errorf("%q: got %v, want %v", tag, got, want)
		}
	}
}

func TestCheckParts(t *testing.T) {
	t.Parallel()
	stored := []storedPart{{PartInfo: minio.PartInfo{PartNumber: 1, ETag: "a", Size: minPartSize}},
		{PartInfo: minio.PartInfo{PartNumber: 3, ETag: "c", Size: minPartSize - 1}}, {PartInfo: minio.PartInfo{PartNumber: 7, ETag: "g", Size: 1}}}
	part := func(n int, tag string) minio.CompletePart { return minio.CompletePart{PartNumber: n, ETag: tag} }
	for _, c := range []struct {
		name  string
		named []minio.CompletePart
		err   error
	}{
		{name: "all that count", named: []minio.CompletePart{part(1, "a"), part(7, "g")}},
		{name: "one small part", named: []minio.CompletePart{part(7, `"G"`)}},
		{name: "part never sent", named: []minio.CompletePart{part(1, "a"), part(2, "b")}, err: minio.InvalidPart{}},
		{name: "other tag", named: []minio.CompletePart{part(1, "x")}, err: minio.InvalidPart{}},
		{name: "small in the middle", named: []minio.CompletePart{part(1, "a"), part(3, "c"), part(7, "g")}, err: minio.PartTooSmall{}},
		{name: "descending", named: []minio.CompletePart{part(7, "g"), part(1, "a")}, err: errPartOrder(&target{})},
		{name: "twice", named: []minio.CompletePart{part(1, "a"), part(1, "a")}, err: errPartOrder(&target{})},
		{name: "none", err: minio.InvalidPart{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := checkParts(&target{}, stored, c.named)
			checkType(t, err, c.err)
		})
	}
}
