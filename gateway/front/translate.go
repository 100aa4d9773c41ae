package front

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// translating answers calls of management that are younger than the server, by calls that it has. These are made in the
// name of the caller, with the caller's signature, so that the server decides whether the caller may make them.
func (f *Front) translating(next http.Handler) http.Handler {
	if f.o.Admin == nil || f.o.Server == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call, fail := adminCall(r), (*Failure)(nil)
		switch {
		case call == "":
			next.ServeHTTP(w, r)
			return
		case call == "idp/builtin/policy/attach" && r.Method == http.MethodPost:
			fail = f.associate(w, r, next, true)
		case call == "idp/builtin/policy/detach" && r.Method == http.MethodPost:
			fail = f.associate(w, r, next, false)
		case call == "info-canned-policy" && param(r, "v") == "2":
			describePolicy(w, r, next)
		case call == "list-service-accounts" && newAdmin(r):
			f.describeAccounts(w, r, next)
		case unknownCall(call):
			fail = &Failure{Status: http.StatusNotImplemented, Code: "NotImplemented",
				Message: "This gateway has no call of management named " + call + "."}
		default:
			next.ServeHTTP(w, r)
		}
		if fail != nil {
			writeAdminFailure(w, r.URL.Path, *fail)
		}
	})
}

// unknownCall reports whether a call is of a group that the server knows nothing of. It answers those as if the client
// were of another version, which tells nobody what is wrong.
func unknownCall(call string) bool {
	for _, group := range []string{"idp/", "idp-config", "list-access-keys", "tier", "site-replication/", "batch", "list-jobs", "start-job", "cancel-job",
		"export-", "import-", "inspect-data", "speedtest", "pools/", "revoke-tokens/", "temporary-account-info", "info-access-key"} {
		if strings.HasPrefix(call, group) {
			return true
		}
	}
	return false
}

// association is what a request to attach or detach policies has in its body.
type association struct {
	Policies []string `json:"policies"`
	User     string   `json:"user"`
	Group    string   `json:"group"`
}

// associated is the reply to it.
type associated struct {
	Attached []string  `json:"policiesAttached,omitempty"`
	Detached []string  `json:"policiesDetached,omitempty"`
	Updated  time.Time `json:"updatedAt"`
}

// associate attaches policies to a user or a group, or detaches them. The server can only set all of them, so this reads
// them before: somebody who changes them at the same time may be overruled.
func (f *Front) associate(w http.ResponseWriter, r *http.Request, next http.Handler, attach bool) *Failure {
	id, ok := f.o.Admin.Caller(r)
	if !ok {
		return &Failure{Status: http.StatusForbidden, Code: "InvalidAccessKeyId", Message: "The Access Key Id you provided does not exist in our records."}
	}
	body, fail := f.openSealed(r, id)
	if fail != nil {
		return fail
	}
	var a association
	if json.Unmarshal(body, &a) != nil || (a.User == "") == (a.Group == "") || len(a.Policies) == 0 {
		return badAdminBody
	}
	before, fail := f.policiesOf(r, next, &a)
	if fail != nil {
		return fail
	}
	after, changed := mergePolicies(before, a.Policies, attach)
	if len(changed) == 0 {
		return &Failure{Status: http.StatusBadRequest, Code: "XMinioAdminPolicyChangeAlreadyApplied", Message: "The specified policy change is already in effect."}
	}
	if fail = f.setPolicies(r, next, &a, after); fail != nil {
		return fail
	}
	done := associated{Updated: time.Now().UTC()}
	if attach {
		done.Attached = changed
	} else {
		done.Detached = changed
	}
	plain, err := json.Marshal(done)
	if err != nil {
		return badAdminBody
	}
	sealed, err := f.o.Admin.Seal(id.SecretKey, plain)
	if err != nil {
		return badAdminBody
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(sealed) // a client that is gone gets no reply
	return nil
}

// mergePolicies returns the policies after a change, and those that it adds or removes.
func mergePolicies(before, names []string, attach bool) (after, changed []string) {
	after = slices.Clone(before)
	for _, name := range names {
		switch k := slices.Index(after, name); {
		case attach && k < 0:
			after, changed = append(after, name), append(changed, name)
		case !attach && k >= 0:
			after, changed = slices.Delete(after, k, k+1), append(changed, name)
		}
	}
	return after, changed
}

// policiesOf asks the server for the policies of a user or a group. A group that is not there has none yet.
func (f *Front) policiesOf(r *http.Request, next http.Handler, a *association) ([]string, *Failure) {
	call, query, name := "user-info", url.Values{"accessKey": {a.User}}, "policyName"
	if a.Group != "" {
		call, query, name = "group", url.Values{"group": {a.Group}}, "policy"
	}
	reply, fail := f.instead(r, next, http.MethodGet, call, query)
	if fail != nil {
		return nil, fail
	}
	var about map[string]any
	if json.Unmarshal(reply, &about) != nil {
		return nil, badAdminBody
	}
	all, _ := about[name].(string)
	return slices.DeleteFunc(strings.Split(all, ","), func(s string) bool { return s == "" }), nil
}

func (f *Front) setPolicies(r *http.Request, next http.Handler, a *association, names []string) *Failure {
	who, group := a.User, "false"
	if a.Group != "" {
		who, group = a.Group, "true"
	}
	_, fail := f.instead(r, next, http.MethodPut, "set-user-or-group-policy",
		url.Values{"policyName": {strings.Join(names, ",")}, "userOrGroup": {who}, "isGroup": {group}})
	return fail
}

// instead makes a call without a body in the name of the one who made a request, which was verified.
func (f *Front) instead(r *http.Request, next http.Handler, method, call string, query url.Values) ([]byte, *Failure) {
	sub := r.Clone(With(r.Context(), &Request{Origin: Unknown}))
	sub.Method = method
	sub.URL = &url.URL{Path: "/minio/admin/v3/" + call, RawQuery: query.Encode()}
	sub.RequestURI = sub.URL.RequestURI()
	setBody(sub, nil)
	nothing := sha256.Sum256(nil)
	sub.Header.Set(contentHash, hex.EncodeToString(nothing[:]))
	sub.Header.Del("Content-Md5")
	if fail := f.o.Server.Sign(sub); fail != nil {
		return nil, fail
	}
	rec := &recorder{header: http.Header{}}
	next.ServeHTTP(rec, sub)
	if rec.status >= http.StatusBadRequest {
		var e adminError
		if json.Unmarshal(rec.body.Bytes(), &e) != nil || e.Code == "" {
			e = adminError{Code: "InternalError", Message: "We encountered an internal error, please try again."}
		}
		return nil, &Failure{Status: rec.status, Code: e.Code, Message: e.Message}
	}
	return rec.body.Bytes(), nil
}

// describePolicy puts a policy into the form that clients of today ask for.
func describePolicy(w http.ResponseWriter, r *http.Request, next http.Handler) {
	rec := &recorder{header: w.Header()}
	next.ServeHTTP(rec, r)
	body := rec.body.Bytes()
	if rec.status == http.StatusOK && json.Valid(body) {
		described, err := json.Marshal(struct {
			PolicyName string
			Policy     json.RawMessage
		}{param(r, "name"), body})
		if err == nil {
			body = described
		}
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(rec.status)
	_, _ = w.Write(body) // a client that is gone gets no reply
}

// newAdmin reports whether a client of management is of the kind that expects accounts to be described. Nothing else in its
// requests tells.
func newAdmin(r *http.Request) bool {
	_, version, ok := strings.Cut(r.UserAgent(), "madmin-go/")
	return ok && version != "" && version[0] >= '1' && version[0] <= '9'
}

// describeAccounts puts a list of service accounts into the form that clients of today ask for.
func (f *Front) describeAccounts(w http.ResponseWriter, r *http.Request, next http.Handler) {
	rec := &recorder{header: w.Header()}
	next.ServeHTTP(rec, r)
	body := rec.body.Bytes()
	if id, ok := f.o.Admin.Caller(r); ok && rec.status == http.StatusOK {
		if described, err := f.described(id, param(r, "user"), body); err == nil {
			body = described
		}
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(rec.status)
	_, _ = w.Write(body) // a client that is gone gets no reply
}

func (f *Front) described(id Identity, user string, sealed []byte) ([]byte, error) {
	plain, err := f.o.Admin.Unseal(id.SecretKey, sealed)
	if err != nil {
		return nil, err
	}
	var list struct{ Accounts []string }
	if err = json.Unmarshal(plain, &list); err != nil {
		return nil, err
	}
	type account struct {
		AccessKey string    `json:"accessKey"`
		Parent    string    `json:"parentUser"`
		Expires   time.Time `json:"expiration"` // the beginning of 1970: never
	}
	accounts := make([]account, 0, len(list.Accounts))
	for _, key := range list.Accounts {
		accounts = append(accounts, account{key, cmp.Or(user, id.AccessKey), time.Unix(0, 0).UTC()})
	}
	if plain, err = json.Marshal(map[string]any{"accounts": accounts}); err != nil {
		return nil, err
	}
	return f.o.Admin.Seal(id.SecretKey, plain)
}

// recorder keeps a reply of management, which the server makes in memory.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (c *recorder) Header() http.Header { return c.header }

// WriteHeader implements http.ResponseWriter.
func (c *recorder) WriteHeader(status int) {
	if c.status == 0 && status >= http.StatusOK {
		c.status = status
	}
}

// Write implements http.ResponseWriter.
func (c *recorder) Write(b []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	return c.body.Write(b)
}

// Flush implements http.Flusher, which the server's handlers ask for.
func (c *recorder) Flush() {}
