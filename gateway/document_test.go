package gateway

import (
	"errors"
	"testing"

	minio "github.com/minio/minio/cmd"

	"juicefs/gateway/front"
)

func TestDocuments(t *testing.T) {
	o := allKept()
	o.MultiBuckets = true
	l := newLayer(t, o)
	ctx := outsideCtx(t)
	must(t, l.MakeBucketWithLocation(ctx, "papers", minio.BucketOptions{}))
	got, err := l.Document(ctx, "papers", "cors.xml")
	must(t, err)
	same(t, "before", string(got), "")
	must(t, l.SetDocument(ctx, "papers", "cors.xml", []byte("<x/>")))
	got, err = l.Document(ctx, "papers", "cors.xml")
	must(t, err)
	same(t, "after", string(got), "<x/>")
	must(t, l.SetDocument(ctx, "papers", "cors.xml", nil))
	got, err = l.Document(ctx, "papers", "cors.xml")
	must(t, err)
	same(t, "removed", string(got), "")
	var f *front.Failure
	if _, err := l.Document(ctx, "other", "cors.xml"); !errors.As(err, &f) || f.Code != "NoSuchBucket" {
		t.Errorf("of a bucket that is not there: %v", err)
	}
}
