package front

import (
	"net/http"
	"net/textproto"
	"strings"
)

// What policies ask of a request: its address, its time, whose it is. The server puts all headers and parameters of a request
// among its own answers, and a policy is content with any of them: whoever sends a header "Sourceip" comes from where he
// likes. So there must be none by these names but those that say what a listing is of, once.

// asked are the names of what policies ask, in lower case.
var asked = names("sourceip", "useragent", "securetransport", "currenttime", "epochtime", "principaltype", "userid", "username",
	"signatureversion", "authtype", "locationconstraint", "prefix", "delimiter", "max-keys", "versionid",
	"object-lock-remaining-retention-days", "object-lock-mode", "object-lock-retain-until-date", "object-lock-legal-hold",
	"user", "sub", "iss", "aud", "jti", "upn", "name", "groups", "given_name", "family_name", "middle_name", "nickname",
	"preferred_username", "profile", "picture", "website", "email", "gender", "birthdate", "phone_number", "address", "scope", "client_id")

// askedHeaders are the same names as headers have them.
var askedHeaders = func() map[string]bool {
	m := make(map[string]bool, len(asked))
	for name := range asked {
		m[textproto.CanonicalMIMEHeaderKey(name)] = true
	}
	return m
}()

func names(list ...string) map[string]bool {
	m := make(map[string]bool, len(list))
	for _, name := range list {
		m[name] = true
	}
	return m
}

// dropAnswers removes headers that answer what policies ask. None of them means anything to S3.
func dropAnswers(h http.Header) {
	for name := range h {
		if askedHeaders[name] {
			delete(h, name)
		}
	}
}

// answers reports whether a parameter answers what policies ask, although it is not the one that the operation goes by.
func answers(r *http.Request, name, value string) bool {
	if !asked[strings.ToLower(name)] {
		return false
	}
	switch name {
	case "prefix", "delimiter", "max-keys", "versionId":
		return param(r, name) != value // the operation goes by the first one
	}
	return true
}

// answersAny is answers for the parameters of the server's own pages. Management has some by names that policies ask of
// sessions only.
func answersAny(r *http.Request) bool {
	for name, value := range params(r.URL.RawQuery) {
		if name != "user" && name != "name" && answers(r, name, value) {
			return true
		}
	}
	return false
}

// single are the headers that policies ask for by name: of several values the operation goes by the first, and a policy is
// content with any.
var single = map[string]bool{"X-Amz-Copy-Source": true, "X-Amz-Metadata-Directive": true, "X-Amz-Storage-Class": true}
