package front

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path"
	"strings"
	"unicode/utf8"
)

// Web is what the front asks of the server's file manager. Its methods may be called from several goroutines at once.
type Web interface {
	// Holder tells what the holder of a token of the file manager may do; without a token it is everybody. False: the token
	// is not good.
	Holder(r *http.Request, token string) (Holder, bool)
	// EachKey calls f with each key of a bucket that begins with a prefix, until it returns false.
	EachKey(ctx context.Context, bucket, prefix string, f func(key string) bool) error
}

// Holder is somebody who uses the file manager.
type Holder struct {
	Root bool // may do everything
	// May tells whether the holder may do an action such as "s3:GetObject".
	May func(action, bucket, key string) bool
}

// browsing checks what the file manager does to whole folders. For its handlers the right to the folder's name is that to all
// that is below it, whatever the policies say of that.
func (f *Front) browsing(next http.Handler) http.Handler {
	if f.o.Web == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			var fail *Failure
			switch sentPath(r) {
			case "/minio/webrpc":
				fail = f.calling(w, r)
			case "/minio/zip":
				fail = f.zipping(r)
			}
			if fail != nil {
				replyOf(w).fail(r.URL.Path, *fail)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// calling checks a call.
func (f *Front) calling(w http.ResponseWriter, r *http.Request) *Failure {
	c, fail := readCall(r)
	if fail != nil {
		return fail
	}
	switch strings.ToLower(c.method) {
	case "web.removeobject":
		return f.removing(r, c)
	case "web.serverinfo":
		replyOf(w).hold(maxReply, discreet)
	}
	return nil
}

// discreet takes the names of the host, its kind and the release of Go out of what the file manager tells every user.
func discreet(status int, _ http.Header, body []byte) (int, []byte) {
	var answer map[string]any
	if json.Unmarshal(body, &answer) != nil {
		return status, body
	}
	about, ok := answer["result"].(map[string]any)
	if !ok {
		return status, body // it failed
	}
	about["MinioPlatform"], about["MinioRuntime"] = "", ""
	changed, err := json.Marshal(answer)
	if err != nil {
		return status, body
	}
	return status, changed
}

// removing checks the removal of folders.
func (f *Front) removing(r *http.Request, c *webCall) *Failure {
	var folders []string
	list, _ := c.arg("objects").([]any)
	for _, o := range list {
		if name, _ := o.(string); name == "" || strings.HasSuffix(name, "/") {
			folders = append(folders, name)
		}
	}
	bucket, _ := c.arg("bucketname").(string)
	return f.folders(r, WebToken(r), "s3:DeleteObject", bucket, folders)
}

// zipping checks the download of folders.
func (f *Front) zipping(r *http.Request) *Failure {
	body, fail := peekBody(r)
	if fail != nil {
		return fail
	}
	args, ok := oneObject(body)
	var a struct {
		Objects    []string `json:"objects"`
		Prefix     string   `json:"prefix"`
		BucketName string   `json:"bucketname"`
	}
	if !ok || json.Unmarshal(body, &a) != nil || len(args) > 3 {
		return badCall
	}
	plain, err := json.Marshal(a)
	if err != nil {
		return badCall
	}
	setBody(r, plain) // read in one way only
	var folders []string
	for _, o := range a.Objects {
		if strings.HasSuffix(o, "/") {
			folders = append(folders, path.Join(a.Prefix, o)+"/")
		}
	}
	return f.folders(r, param(r, "token"), "s3:GetObject", a.BucketName, folders)
}

// folders fails unless somebody may do something to each key in folders.
func (f *Front) folders(r *http.Request, token, action, bucket string, folders []string) *Failure {
	if len(folders) == 0 {
		return nil
	}
	holder, ok := f.o.Web.Holder(r, token)
	if !ok {
		return notSignedIn
	}
	if holder.Root {
		return nil
	}
	for _, folder := range folders {
		may := true
		err := f.o.Web.EachKey(r.Context(), bucket, folder, func(key string) bool {
			may = holder.May(action, bucket, key)
			return may
		})
		if !may || err != nil {
			return &Failure{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Access Denied."}
		}
	}
	return nil
}

// notSignedIn is the reply to a token that is not good, at which the pages ask for a new sign-in.
var notSignedIn = &Failure{Status: http.StatusUnauthorized, Code: "AccessDenied", Message: "Access Denied."}

// WebToken returns the token of the file manager that a header has, read as the server does: without the word before it, whose
// case does not count, or all of the header.
func WebToken(r *http.Request) string {
	const scheme = "bearer "
	v := r.Header.Get("Authorization")
	if len(v) >= len(scheme) && strings.EqualFold(v[:len(scheme)], scheme) {
		return v[len(scheme):]
	}
	return v
}

// webCall is a call of the file manager.
type webCall struct {
	method string
	args   map[string]any
}

// arg returns an argument by its name, of which the server ignores the case.
func (c *webCall) arg(name string) any {
	for k, v := range c.args {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}

var badCall = &Failure{Status: http.StatusBadRequest, Code: "InvalidRequest", Message: "The call cannot be read."}

// readCall reads a call of the file manager, and gives the request a body that cannot be read in another way: the server's
// own reader stops at the end of the first value, and names may be there twice.
func readCall(r *http.Request) (*webCall, *Failure) {
	body, fail := peekBody(r)
	if fail != nil {
		return nil, fail
	}
	raw, ok := oneObject(body)
	if !ok {
		return nil, badCall
	}
	top := map[string]any{}
	for k, v := range raw {
		top[strings.ToLower(k)] = v
	}
	c := &webCall{}
	c.method, _ = top["method"].(string)
	switch p := top["params"].(type) {
	case nil:
	case map[string]any:
		c.args = p
	case []any:
		if len(p) > 0 {
			c.args, ok = p[0].(map[string]any)
		}
		if !ok || len(p) > 1 {
			return nil, badCall
		}
		top["params"] = c.args
	default:
		return nil, badCall
	}
	if ambiguous(c.args) {
		return nil, badCall
	}
	plain, err := json.Marshal(top)
	if err != nil {
		return nil, badCall
	}
	setBody(r, plain)
	return c, nil
}

// oneObject reads a JSON object whose names differ in more than case, and after which nothing comes.
func oneObject(body []byte) (map[string]any, bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var o map[string]any
	if d.Decode(&o) != nil || o == nil || ambiguous(o) {
		return nil, false
	}
	_, err := d.Token()
	return o, errors.Is(err, io.EOF)
}

// ambiguous reports whether two names differ in nothing but case, or there is one that not everybody takes to lower case
// alike; the server's names are ASCII.
func ambiguous(o map[string]any) bool {
	seen := make(map[string]bool, len(o))
	for k := range o {
		for _, c := range []byte(k) {
			if c >= utf8.RuneSelf {
				return true
			}
		}
		k = strings.ToLower(k)
		if seen[k] {
			return true
		}
		seen[k] = true
	}
	return false
}
