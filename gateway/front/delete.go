package front

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

// DeleteObjects. The server takes any number of keys, "/a" for "a", and leaves keys out of its reply, or has empty ones,
// when some fail. So the request is read here and written anew for the server, with what it may do, and of its reply only
// the failures are taken: every other key was removed.

const (
	maxDeletes    = 1000
	maxDeleteBody = 10 << 20 // bytes
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
	quiet   bool
	objects []deletion
}

// parseDeletes reads the body of a request. Conditions in it have been taken before.
func parseDeletes(body []byte) (*deletes, *Failure) {
	var doc struct {
		Quiet  bool
		Object []struct {
			Key       string
			VersionID string `xml:"VersionId"`
		}
	}
	if failed := decode(body, "Delete", &doc); failed != nil {
		return nil, failed
	}
	if len(doc.Object) == 0 || len(doc.Object) > maxDeletes {
		return nil, malformed
	}
	d := &deletes{quiet: doc.Quiet, objects: make([]deletion, len(doc.Object))}
	for k, o := range doc.Object {
		if o.Key == "" {
			return nil, malformed
		}
		d.objects[k] = deletion{Key: o.Key, Version: o.VersionID, sent: keyForServer(o.Key)}
	}
	return d, nil
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

// reply is the body of the reply, after the server's.
func (d *deletes) reply(said []byte) ([]byte, *Failure) {
	var r struct{ Error []deleteError }
	if decode(said, "DeleteResult", &r) != nil {
		return nil, internalError
	}
	type name struct{ key, version string }
	failed := make(map[name]*deleteError, len(r.Error))
	for k := range r.Error {
		failed[name{r.Error[k].Key, r.Error[k].VersionID}] = &r.Error[k]
	}
	doc := newDocument("DeleteResult", 1<<10)
	for k := range d.objects {
		o := &d.objects[k]
		e := failed[name{o.sent, o.Version}]
		if e == nil && d.quiet {
			continue
		}
		element := "Deleted"
		if e != nil {
			element = "Error"
		}
		doc.open(element)
		doc.element("Key", o.Key)
		doc.given("VersionId", o.Version)
		if e != nil {
			f := s3Failure(Failure{Code: e.Code, Message: e.Message})
			doc.element("Code", f.Code)
			doc.element("Message", f.Message)
		}
		doc.close(element)
	}
	doc.close("DeleteResult")
	return doc.b, nil
}

// deleting is the member for DeleteObjects.
func deleting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.RawQuery != "" && kindOf(r) == s3 && hasParam(r, "delete") {
			if _, key := placeOf(r); key == "" {
				if failed := deleteMany(replyOf(w), r); failed != nil {
					replyOf(w).fail(r.URL.Path, *failed)
					return
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// deleteMany prepares a request and its reply. The length of the body stays as it was announced, since it may be signed;
// the server does not look at it.
func deleteMany(p *reply, r *http.Request) *Failure {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxDeleteBody+1))
	switch refused := Of(r.Context()).refused; {
	case refused != nil:
		return refused
	case err != nil:
		return badBody(err)
	case len(body) > maxDeleteBody:
		return malformed
	}
	d, failed := parseDeletes(body)
	if failed != nil {
		return failed
	}
	r.Body = io.NopCloser(bytes.NewReader(d.forServer()))
	p.hold(maxDeleteSays, func(status int, _ http.Header, said []byte) (int, []byte) {
		if status != http.StatusOK {
			return status, said
		}
		b, failed := d.reply(said)
		if failed != nil {
			p.fail(r.URL.Path, *failed)
		}
		return status, b
	})
	return nil
}
