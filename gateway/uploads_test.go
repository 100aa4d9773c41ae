package gateway

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	minio "github.com/minio/minio/cmd"
)

// upAll are uploads "key id" in no order.
func upAll(list ...string) []minio.MultipartInfo {
	var all []minio.MultipartInfo
	for _, s := range list {
		key, id, _ := strings.Cut(s, " ")
		all = append(all, minio.MultipartInfo{Object: key, UploadID: id})
	}
	return all
}

func TestPagesOfUploads(t *testing.T) {
	t.Parallel()
	all := []string{"b 2", "a 1", "b 1", "d/x 1", "d/y 1", "d/z/q 1", "e 1", "b 3"}
	for _, c := range []struct {
		name string
		q    uploadQuery
		want string // uploads, prefixes, then the markers if there is more
	}{
		{"all by key and id", uploadQuery{limit: 9}, "a1 b1 b2 b3 d/x1 d/y1 d/z/q1 e1"},
		{"prefix", uploadQuery{prefix: "d/", limit: 9}, "d/x1 d/y1 d/z/q1"},
		{"prefix and delimiter", uploadQuery{prefix: "d/", delimiter: "/", limit: 9}, "d/x1 d/y1 d/z/"},
		{"delimiter", uploadQuery{delimiter: "/", limit: 9}, "a1 b1 b2 b3 e1 d/"},
		{"in the middle of a key", uploadQuery{limit: 3}, "a1 b1 b2 > b 2"},
		{"on in the middle of a key", uploadQuery{keyMarker: "b", idMarker: "2", limit: 2}, "b3 d/x1 > d/x 1"},
		{"after a key", uploadQuery{keyMarker: "b", limit: 9}, "d/x1 d/y1 d/z/q1 e1"},
		{"an id without a key is nothing", uploadQuery{idMarker: "2", limit: 1}, "a1 > a 1"},
		{"ends with a prefix", uploadQuery{delimiter: "/", limit: 5}, "a1 b1 b2 b3 d/ > d/ "},
		{"on after a prefix", uploadQuery{delimiter: "/", keyMarker: "d/", limit: 5}, "e1"},
		{"exactly full is not truncated", uploadQuery{prefix: "b", limit: 3}, "b1 b2 b3"},
		{"none wanted", uploadQuery{}, ""},
		{"long delimiter", uploadQuery{delimiter: "/z/", limit: 9}, "a1 b1 b2 b3 d/x1 d/y1 e1 d/z/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			info := c.q.page(upAll(all...))
			var got []string
			for _, u := range info.Uploads {
				got = append(got, u.Object+u.UploadID)
			}
			got = append(got, info.CommonPrefixes...)
			line := strings.Join(got, " ")
			if info.IsTruncated {
				line += " > " + info.NextKeyMarker + " " + info.NextUploadIDMarker
			}
			if d := cmp.Diff(line, c.want); d != "" {
				t.Error(d)
			}
		})
	}
}
