package front

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
)

// DeleteObjects. The request is read here, once. Mostly Server.Delete does all that it asks for. What is left over goes to the
// server's handler, which takes any number of keys, "/a" for "a", and leaves keys out of its reply, or has empty ones, when
// some fail: the request is written anew for it, with what it may do, and of its reply only the failures are taken, as every
// other key was removed.

const (
	maxDeletes    = 1000
	maxDeleteSays = 64 << 20 // bytes of the server's reply, which has errors only: at most 1,000 keys as they were sent
)

// deletion is one key of a request.
type deletion struct {
	Key     string
	Version string
	sent    string // the key for the server
}

// deletes is a request for DeleteObjects.
type deletes struct {
	quiet      bool
	objects    []deletion
	conditions map[string]Condition // of those that have one, by key
}

// parseDeletes reads the body of a request.
func parseDeletes(body []byte) (*deletes, *Failure) {
	var doc struct {
		Quiet  string
		Object []struct {
			Key                    string
			VersionID              string `xml:"VersionId"`
			ETag                   string
			Size, LastModifiedTime *string
		}
	}
	if failed := decode(body, "Delete", &doc); failed != nil {
		return nil, failed
	}
	if len(doc.Object) == 0 || len(doc.Object) > maxDeletes || !isBool(doc.Quiet) {
		return nil, malformed
	}
	quiet := strings.TrimSpace(doc.Quiet)
	d := &deletes{quiet: quiet == "true" || quiet == "1", objects: make([]deletion, len(doc.Object)), conditions: map[string]Condition{}}
	for k := range doc.Object {
		o := &doc.Object[k]
		switch {
		case o.Key == "":
			return nil, malformed
		case o.Size != nil || o.LastModifiedTime != nil:
			return nil, notImplemented // AWS has these in directory buckets only
		case o.ETag != "" && o.Key[0] == '/':
			return nil, notImplemented // the server is asked for another key
		}
		d.objects[k] = deletion{Key: o.Key, Version: o.VersionID, sent: keyForServer(o.Key)}
		if tag := strings.TrimSpace(o.ETag); tag != "" {
			d.conditions[o.Key] = Condition{IfMatch: tag}
		}
	}
	if len(d.conditions) == 0 {
		return d, nil
	}
	for k := range doc.Object { // for a key that is there twice it must be the same
		if o := &doc.Object[k]; d.conditions[o.Key].IfMatch != strings.TrimSpace(o.ETag) {
			return nil, malformed
		}
	}
	return d, nil
}

// keys are the keys for the server, each once. None: some have versions.
func (d *deletes) keys() []string {
	keys := make([]string, 0, len(d.objects))
	seen := make(map[string]struct{}, len(d.objects))
	for k := range d.objects {
		o := &d.objects[k]
		if o.Version != "" {
			return nil
		}
		if _, twice := seen[o.sent]; !twice {
			seen[o.sent] = struct{}{}
			keys = append(keys, o.sent)
		}
	}
	return keys
}

// keyForServer is the key under which the server is asked to remove a key. It would take the leading slash away and remove
// another object; no object begins with a slash, so it gets a key that the layer finds no object for either.
func keyForServer(key string) string {
	if key[0] != '/' {
		return key
	}
	if rest := strings.TrimLeft(key, "/"); rest != "" {
		return rest + "//"
	}
	return "none//"
}

// forServer is the body for the server.
func (d *deletes) forServer() []byte {
	doc := newDocument("Delete", 128*len(d.objects))
	doc.element("Quiet", "true")
	for k := range d.objects {
		doc.open("Object")
		doc.element("Key", d.objects[k].sent)
		doc.given("VersionId", d.objects[k].Version)
		doc.close("Object")
	}
	doc.close("Delete")
	return doc.b
}

// deleteError is what failed for a key.
type deleteError struct {
	Code, Message, Key string
	VersionID          string `xml:"VersionId"`
}

// deletedName names what was to be removed.
type deletedName struct{ key, version string }

// afterServer is the body of the reply, after the server's.
func (d *deletes) afterServer(said []byte) ([]byte, *Failure) {
	var r struct{ Error []deleteError }
	if decode(said, "DeleteResult", &r) != nil {
		return nil, internalError
	}
	failed := make(map[deletedName]*Failure, len(r.Error))
	for k := range r.Error {
		e := &r.Error[k]
		failed[deletedName{e.Key, e.VersionID}] = &Failure{Code: e.Code, Message: e.Message}
	}
	return d.reply(func(o *deletion) *Failure { return failed[deletedName{o.sent, o.Version}] }), nil
}

// reply is the body of the reply.
func (d *deletes) reply(failed func(*deletion) *Failure) []byte {
	doc := newDocument("DeleteResult", 1<<10)
	if !d.quiet {
		doc.b = slices.Grow(doc.b, 80*len(d.objects))
	}
	for k := range d.objects {
		o := &d.objects[k]
		f := failed(o)
		if f == nil && d.quiet {
			continue
		}
		element := "Deleted"
		if f != nil {
			element = "Error"
		}
		doc.open(element)
		doc.element("Key", o.Key)
		doc.given("VersionId", o.Version)
		if f != nil {
			said := s3Failure(Failure{Code: f.Code, Message: f.Message})
			doc.element("Code", said.Code)
			doc.element("Message", said.Message)
		}
		doc.close(element)
	}
	doc.close("DeleteResult")
	return doc.b
}

// deleting is the member for DeleteObjects.
func (f *Front) deleting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.RawQuery != "" && kindOf(r) == s3 && hasParam(r, "delete") {
			if _, key := placeOf(r); key == "" {
				done, failed := f.deleteMany(replyOf(w), r)
				if failed != nil {
					replyOf(w).fail(r.URL.Path, *failed)
				}
				if done || failed != nil {
					return
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// deleteMany answers a request, or prepares it and its reply for the handler. The length of the body stays as it was
// announced, since it may be signed; the server does not look at it.
func (f *Front) deleteMany(p *reply, r *http.Request) (done bool, failed *Failure) {
	d, failed := readDeletes(r)
	if failed != nil {
		return false, failed
	}
	if keys := d.keys(); len(keys) > 0 && f.o.Server != nil {
		done = f.o.Server.Delete(p, r, keys, func(failed map[string]*Failure) []byte {
			return d.reply(func(o *deletion) *Failure { return failed[o.sent] })
		})
		if done {
			return true, nil
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(d.forServer()))
	p.hold(maxDeleteSays, func(status int, _ http.Header, said []byte) (int, []byte) {
		if status != http.StatusOK {
			return status, said
		}
		b, failed := d.afterServer(said)
		if failed != nil {
			p.fail(r.URL.Path, *failed)
		}
		return status, b
	})
	return false, nil
}

// readDeletes reads the body of a request, which xmlBodies has laid under it.
func readDeletes(r *http.Request) (*deletes, *Failure) {
	q := Of(r.Context())
	var body []byte
	var err error
	if b, ok := r.Body.(*xmlBody); ok {
		err = b.load()
	} else {
		body, err = io.ReadAll(io.LimitReader(r.Body, maxXML+1))
	}
	switch {
	case q.refused != nil:
		return nil, q.refused
	case err != nil:
		return nil, badBody(err)
	case q.deletes != nil:
		return q.deletes, nil
	case len(body) > maxXML:
		return nil, malformed
	}
	failed := checkDelete(q, body)
	return q.deletes, failed
}
