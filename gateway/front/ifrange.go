package front

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// If-Range (RFC 9110, 13.1.5): a reader that has the beginning of an object wants the rest if the object is still that one,
// and all of it if not. The server knows no such header and has parsed the range before it opens the object. So the layer,
// which alone knows the version that is opened, decides, gives the handler all of the object as its range, and the reply to
// a range becomes that of the whole here.

// rangeCondition is the condition of a range. It belongs to the goroutine of its request.
type rangeCondition struct {
	value string // of the header
	whole bool   // the layer has decided that it does not hold
	size  int64  // of the object then, in bytes
}

// RangeHolds tells whether a request that asks for a range may have it of the object that is there; it gets all of the
// object otherwise. Without a condition it may. tag is without quotes, empty if not known; size is in bytes.
func RangeHolds(ctx context.Context, tag string, modified time.Time, size int64) bool {
	c := Of(ctx).rangeIf
	if c == nil || sameVersion(c.value, tag, modified) {
		return true
	}
	c.whole, c.size = true, size
	return false
}

// sameVersion compares the value of If-Range: an entity tag, of which a weak one is never the same, or the time of the last
// change, which must be that very one.
func sameVersion(value, tag string, modified time.Time) bool {
	if strings.HasPrefix(value, `"`) {
		return tag != "" && value == `"`+tag+`"`
	}
	t, err := http.ParseTime(value)
	return err == nil && t.Equal(modified.Truncate(time.Second))
}

// takeRange takes the condition of a range, if there are both.
func (q *Request) takeRange(r *http.Request, p *reply) {
	value := r.Header.Get("If-Range")
	if value == "" || r.Header.Get("Range") == "" {
		return
	}
	c := &rangeCondition{value: strings.TrimSpace(value)}
	q.rangeIf = c
	p.edit(func(status int, h http.Header) int {
		if !c.whole || status != http.StatusPartialContent {
			return status
		}
		h.Del("Content-Range")
		h.Set("Content-Length", strconv.FormatInt(c.size, 10))
		return http.StatusOK
	})
}
