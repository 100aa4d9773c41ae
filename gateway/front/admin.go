package front

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/gorilla/mux"
)

// Admin is what the front asks of the server's management. Its methods may be called from several goroutines at once.
type Admin interface {
	// Caller tells who a management request says it comes from, as the server reads it. Nothing is verified. False: nobody
	// that the server knows.
	Caller(r *http.Request) (Identity, bool)
	// Known tells whether an access key is somebody's, be it disabled, and whether it was made for a user.
	Known(accessKey string) (known, derived bool)
	// Seal encrypts with the caller's secret, as clients expect replies of management. Unseal does the reverse for bodies.
	// Both take much time and memory: the request must have been verified before.
	Seal(secret string, data []byte) ([]byte, error)
	Unseal(secret string, data []byte) ([]byte, error)
}

// maxAdminBody is how large the body of a management request may be that is looked into; the server takes no more either.
const maxAdminBody = 256 << 10

// derived reports whether the credentials were made for a user, by the user or by somebody who may.
func (i Identity) derived() bool { return i.Parent != "" || i.SessionToken != "" }

// adminCall returns the name of a management call, such as "add-user"; empty if it is none.
func adminCall(r *http.Request) string {
	rest, ok := strings.CutPrefix(sentPath(r), "/minio/admin/")
	if !ok {
		return ""
	}
	_, call, _ := strings.Cut(rest, "/") // after the version
	return call
}

// managing keeps callers of the server's management from gaining rights. The server of 2021 lets any user give itself any
// policy (CVE-2021-43858), and lets temporary credentials and service accounts, however limited, make users and service
// accounts that are not (CVE-2024-24747, CVE-2025-62506).
func (f *Front) managing(next http.Handler) http.Handler {
	if f.o.Admin == nil || f.o.Server == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var fail *Failure
		switch adminCall(r) {
		case "add-user":
			fail = f.addUser(r)
		case "add-service-account":
			fail = f.addService(r)
		case "update-group-members":
			fail = changeGroup(r)
		case "update-service-account", "delete-service-account":
			fail = f.onlyUsers(r)
		}
		if fail != nil {
			writeAdminFailure(w, r.URL.Path, *fail)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// onlyUsers turns down credentials that were derived from a user's.
func (f *Front) onlyUsers(r *http.Request) *Failure {
	if id, ok := f.o.Admin.Caller(r); ok && id.derived() {
		return &Failure{Status: http.StatusForbidden, Code: "AccessDenied",
			Message: "Service accounts and temporary credentials cannot manage users and service accounts."}
	}
	return nil // who is nobody is turned down by the server
}

// addUser looks at a request that makes or changes a user.
func (f *Front) addUser(r *http.Request) *Failure {
	id, ok := f.o.Admin.Caller(r)
	if !ok {
		return nil
	}
	if fail := f.onlyUsers(r); fail != nil {
		return fail
	}
	name, routed := mux.Vars(r)["accessKey"] // which is what the handler takes
	if !routed {
		name = param(r, "accessKey")
	}
	if other, known := f.o.Server.Identity(name); known && other.Root {
		return &Failure{Status: http.StatusForbidden, Code: "AccessDenied", Message: "A user cannot have the name of the root user."}
	}
	switch known, derived := f.o.Admin.Known(name); {
	case derived:
		return nameTaken
	case !known && !goodName(name):
		return badName
	case known && name != id.AccessKey && !id.Root && f.o.Server.Allow(r, "admin:AttachUserOrGroupPolicy", "", "") != nil:
		return notYourUser
	}
	return f.changeSealed(r, id, func(body []byte) ([]byte, *Failure) {
		return checkUser(body, name == id.AccessKey, id.Root)
	})
}

// checkUser looks at what a user is to be. Who may make users may not thereby give them policies, which is another right and
// has a call of its own; only the root user may do all. Clients of today do not say whether the user is enabled; for the server of 2021
// it then is not.
func checkUser(body []byte, self, root bool) ([]byte, *Failure) {
	var user map[string]json.RawMessage
	if err := json.Unmarshal(body, &user); err != nil || user == nil {
		return nil, badAdminBody
	}
	text := func(name string) (s string) {
		for key, v := range user {
			if strings.EqualFold(key, name) && json.Unmarshal(v, &s) == nil && s != "" {
				return s
			}
		}
		return ""
	}
	if status := text("status"); self && (text("policyName") != "" || status != "" && status != "enabled") {
		return nil, &Failure{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Users may change their own secret key and nothing else."}
	}
	if !root && text("policyName") != "" {
		return nil, &Failure{Status: http.StatusForbidden, Code: "AccessDenied", Message: "A policy is set by a call of its own."}
	}
	if text("status") != "" {
		return body, nil
	}
	user["status"] = json.RawMessage(`"enabled"`)
	changed, err := json.Marshal(user)
	if err != nil {
		return nil, badAdminBody
	}
	return changed, nil
}

var badAdminBody = &Failure{Status: http.StatusBadRequest, Code: "XMinioAdminConfigBadJSON",
	Message: "The body of the request cannot be read: it must be encrypted with your secret key."}

// openSealed verifies a management request and decrypts its body.
func (f *Front) openSealed(r *http.Request, id Identity) ([]byte, *Failure) {
	if fail := f.o.Server.Verify(r); fail != nil {
		return nil, fail
	}
	sealed, err := io.ReadAll(io.LimitReader(r.Body, maxAdminBody+1))
	if err != nil || len(sealed) > maxAdminBody {
		return nil, badAdminBody
	}
	sum := sha256.Sum256(sealed)
	if !strings.EqualFold(r.Header.Get(contentHash), hex.EncodeToString(sum[:])) {
		return nil, &Failure{Status: http.StatusBadRequest, Code: "XAmzContentSHA256Mismatch",
			Message: "The provided 'x-amz-content-sha256' header does not match what was computed."}
	}
	setBody(r, sealed)
	plain, err := f.o.Admin.Unseal(id.SecretKey, sealed)
	if err != nil {
		return nil, badAdminBody
	}
	return plain, nil
}

// changeSealed puts what change makes of a body in its place and signs the request again.
func (f *Front) changeSealed(r *http.Request, id Identity, change func([]byte) ([]byte, *Failure)) *Failure {
	before, fail := f.openSealed(r, id)
	if fail != nil {
		return fail
	}
	after, fail := change(before)
	if fail != nil || bytes.Equal(before, after) {
		return fail
	}
	sealed, err := f.o.Admin.Seal(id.SecretKey, after)
	if err != nil {
		return badAdminBody
	}
	return f.replaceBody(r, sealed)
}

// replaceBody gives a request that was verified another body.
func (f *Front) replaceBody(r *http.Request, body []byte) *Failure {
	setBody(r, body)
	sum := sha256.Sum256(body)
	r.Header.Set(contentHash, hex.EncodeToString(sum[:]))
	r.Header.Del("Content-Md5")
	return f.o.Server.Sign(r)
}

func setBody(r *http.Request, body []byte) {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
}

// adminError is the body of an error reply of management.
type adminError struct {
	Code, Message, Resource, RequestID, HostID string
}

// writeAdminFailure writes an error reply of management.
func writeAdminFailure(w http.ResponseWriter, path string, f Failure) {
	h := w.Header()
	body, err := json.Marshal(adminError{Code: f.Code, Message: f.Message, Resource: path, RequestID: h.Get("X-Amz-Request-Id")})
	if err != nil { // strings can always be encoded
		body = nil
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(f.Status)
	_, _ = w.Write(body) // a client that is gone gets no reply
}
