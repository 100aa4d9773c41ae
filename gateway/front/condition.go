package front

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
)

// What a Condition answers when it does not hold.
var (
	// ErrNotMet is returned when the object that is there is not what was demanded: 412.
	ErrNotMet = errors.New("condition of the write is not met")
	// ErrAbsent is returned when an object was demanded and there is none: 404.
	ErrAbsent = errors.New("object of the condition does not exist")
)

// Condition is what a write demands of the object that it replaces or removes. The zero Condition demands nothing. The
// layer decides it inside the transaction of the write.
type Condition struct {
	IfMatch     string // value of the header: "*" or entity tags; empty: none
	IfNoneMatch string // likewise
}

// ConditionOf returns the condition in a context.
func ConditionOf(ctx context.Context) Condition { return Of(ctx).Condition }

// Check tells whether the condition holds for the object that is there, by its entity tag without quotes (empty: unknown,
// equal to none). Errors: ErrNotMet, ErrAbsent.
func (c Condition) Check(exists bool, tag string) error {
	if c.IfMatch != "" {
		switch {
		case !exists:
			return ErrAbsent
		case !matches(c.IfMatch, tag):
			return ErrNotMet
		}
	}
	if c.IfNoneMatch != "" && exists && matches(c.IfNoneMatch, tag) {
		return ErrNotMet
	}
	return nil
}

// NeedsTag reports whether an entity tag decides about an object that exists.
func (c Condition) NeedsTag() bool {
	return c.IfMatch != "" && c.IfMatch != "*" || c.IfNoneMatch != "" && c.IfNoneMatch != "*"
}

// EntryCondition returns the condition of one of the objects that a request removes.
func EntryCondition(ctx context.Context, key string) Condition {
	if d := Of(ctx).deletes; d != nil {
		return d.conditions[key]
	}
	return Condition{}
}

// readCondition is what a read demands of the object, or a copy of its source.
type readCondition struct {
	request *http.Request
	reply   *reply
	prefix  string // of the headers' names
}

// errRead is returned when a read is not to go on; the reply is written.
var errRead = errors.New("condition of the read is not met")

// CheckRead decides the condition of a read, or of the source of a copy, for the object that is there. The layer calls it
// with what it has found, once it is known that the caller may read the object, and returns an error
// of the fork if there is one: the reply is written by then. The handler's own check, which comes later, finds nothing to do.
// The order is that of RFC 9110, 13.2.2. tag is without quotes, empty if not known.
func CheckRead(ctx context.Context, tag string, modified time.Time) error {
	c := Of(ctx).read
	if c == nil {
		return nil
	}
	h := c.request.Header
	value := func(name string) string { return strings.Join(h.Values(c.prefix+name), ",") }
	// Times of HTTP have seconds.
	at := modified.Truncate(time.Second)
	since := func(name string) (time.Time, bool) {
		t, err := http.ParseTime(h.Get(c.prefix + name))
		return t, err == nil
	}
	failed, unchanged := "", false
	if match := value("If-Match"); match != "" {
		if !matches(match, tag) {
			failed = "If-Match"
		}
	} else if t, ok := since("If-Unmodified-Since"); ok && at.After(t) {
		failed = "If-Unmodified-Since"
	}
	if failed == "" {
		if match := value("If-None-Match"); match != "" {
			unchanged = matches(match, tag)
		} else if t, ok := since("If-Modified-Since"); ok {
			unchanged = !at.After(t)
		}
	}
	if failed == "" && !unchanged {
		for _, name := range readConditions {
			h.Del(c.prefix + name)
		}
		return nil
	}
	c.answer(failed == "" && c.prefix == "", tag, at)
	return errRead
}

// readConditions are the headers of conditional reads.
var readConditions = []string{"If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since"}

// sourcePrefix makes them those of the source of a copy.
const sourcePrefix = "X-Amz-Copy-Source-"

// answer writes the reply: 304, or 412.
func (c *readCondition) answer(unchanged bool, tag string, at time.Time) {
	h := c.reply.Header()
	if tag != "" {
		h.Set("ETag", `"`+tag+`"`)
	}
	h.Set("Last-Modified", at.UTC().Format(http.TimeFormat))
	if !unchanged {
		c.reply.fail(c.request.URL.Path, *notMet)
		return
	}
	h.Del("Content-Type")
	c.reply.settle(http.StatusNotModified)
}

// notMet is the reply to a condition that does not hold.
var notMet = &Failure{Status: http.StatusPreconditionFailed, Code: "PreconditionFailed",
	Message: "At least one of the pre-conditions you specified did not hold"}

// conditional takes conditions out of the headers, for the layer to decide.
func conditional(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if kindOf(r) == s3 {
			if f := takeConditions(r, replyOf(w)); f != nil {
				replyOf(w).fail(r.URL.Path, *f)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func takeConditions(r *http.Request, p *reply) *Failure {
	q := Of(r.Context())
	at := placeAt(r.Method, levelOf(r))
	if at == putObject && r.Header.Get("X-Amz-Copy-Source") != "" && hasCondition(r.Header, sourcePrefix) {
		q.read = &readCondition{request: r, reply: p, prefix: sourcePrefix}
	}
	if at&(getObject|headObject) != 0 && len(r.Header["If-Range"]) > 0 && operationOf(r) == "" {
		q.takeRange(r, p)
	}
	if !hasCondition(r.Header, "") {
		return nil
	}
	operation := operationOf(r)
	switch {
	case operation == "" && at&(getObject|headObject) != 0:
		q.read = &readCondition{request: r, reply: p}
		return nil
	case operation == "" && at&(putObject|deleteObject) != 0, operation == "uploadId" && at == postObject:
		return q.takeWrite(r, p, at)
	}
	return nil // nothing of an object is read or written
}

// takeWrite takes the condition of a write. Only what AWS has there is supported.
func (q *Request) takeWrite(r *http.Request, p *reply, at places) *Failure {
	c := Condition{IfMatch: strings.Join(r.Header.Values("If-Match"), ","), IfNoneMatch: strings.Join(r.Header.Values("If-None-Match"), ",")}
	if r.Header.Get("If-Modified-Since") != "" || r.Header.Get("If-Unmodified-Since") != "" ||
		c.IfNoneMatch != "" && (c.IfNoneMatch != "*" || at == deleteObject || c.IfMatch != "") {
		return notImplemented
	}
	q.Condition = c
	if at == putObject {
		q.listens = true
		p.edit(func(status int, _ http.Header) int {
			if f := q.failed(); f != nil && status >= http.StatusBadRequest {
				p.fail(r.URL.Path, *f)
			}
			return status
		})
	}
	return nil
}

// hasCondition reports whether there is one among the headers.
func hasCondition(h http.Header, prefix string) bool {
	for _, name := range readConditions {
		if prefix != "" {
			name = prefix + name
		}
		if len(h[name]) > 0 {
			return true
		}
	}
	return false
}

// operationOf returns the parameter that chooses the operation, empty if there is none.
func operationOf(r *http.Request) string {
	for name := range params(r.URL.RawQuery) {
		if _, ok := operations[name]; ok {
			return name
		}
	}
	return ""
}

// matches reports whether a header's value names the entity tag. Weakness is ignored, as S3 has no weak tags.
func matches(header, tag string) bool {
	for v := range strings.SplitSeq(header, ",") {
		v = strings.TrimPrefix(strings.TrimSpace(v), "W/")
		if v == "*" || tag != "" && strings.Trim(v, `"`) == tag {
			return true
		}
	}
	return false
}
