package front

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The names of users, groups and service accounts. The server makes paths of its settings of them, and puts them into the patterns of
// policies where these say ${aws:username}. Whoever makes a service account may name it, and the server takes any name: that of
// another user, who is then locked out and whose folder opens to it; one that fits every folder; one that is a path to another's file.

var (
	badName = &Failure{Status: http.StatusBadRequest, Code: "InvalidArgument",
		Message: "A name has no control characters, none of * ? $ \\, and no empty part, . or .. between slashes."}
	nameTaken = &Failure{Status: http.StatusConflict, Code: "XMinioAdminAccessKeyInUse", Message: "The access key is somebody else's."}
	// The one who gives somebody else another secret key has that one's rights.
	notYourUser = &Failure{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Others' secret keys are changed by those who may give them policies."}
	notYours    = &Failure{Status: http.StatusForbidden, Code: "AccessDenied",
		Message: "An access key of one's own choice is for those who may make service accounts for others."}
)

// goodName reports whether a name stands for itself, as a path and in a policy.
func goodName(name string) bool {
	if name == "" || !utf8.ValidString(name) || strings.ContainsAny(name, `*?$\`) || strings.ContainsFunc(name, unicode.IsControl) {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// addService looks at a request that makes a service account.
func (f *Front) addService(r *http.Request) *Failure {
	id, ok := f.o.Admin.Caller(r)
	if !ok {
		return nil
	}
	if fail := f.onlyUsers(r); fail != nil {
		return fail
	}
	body, fail := f.openSealed(r, id)
	if fail != nil {
		return fail
	}
	var account struct {
		AccessKey string `json:"accessKey"` // read as the server does
	}
	if json.Unmarshal(body, &account) != nil {
		return badAdminBody
	}
	if account.AccessKey == "" {
		return nil
	}
	if !goodName(account.AccessKey) {
		return badName
	}
	if !id.Root && f.o.Server.Allow(r, "admin:CreateServiceAccount", "", "") != nil {
		return notYours
	}
	if known, _ := f.o.Admin.Known(account.AccessKey); known {
		return nameTaken
	}
	return nil
}

// changeGroup looks at a request that makes a group, or changes who is in it. The server verifies what is read here.
func changeGroup(r *http.Request) *Failure {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAdminBody+1))
	if err != nil || len(body) > maxAdminBody {
		return badAdminBody
	}
	setBody(r, body)
	var change struct {
		Group string `json:"group"` // read as the server does
	}
	if json.Unmarshal(body, &change) == nil && !goodName(change.Group) {
		return badName
	}
	return nil // the server has a word for what is no JSON
}
