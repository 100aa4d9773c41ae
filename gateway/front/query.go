package front

import (
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gorilla/mux"
)

// level is what a request is about.
type level uint8

const (
	onService level = iota
	onBucket
	onObject
)

// levelOf tells by the path. The server's router has routes of buckets that take any path: what it found no key in can
// still have one.
func levelOf(r *http.Request) level {
	bucket := mux.Vars(r)["bucket"]
	if bucket == "" {
		bucket, _ = placeOf(r)
	}
	rest := strings.TrimPrefix(r.URL.Path, "/")
	switch {
	case mux.Vars(r)["object"] != "":
		return onObject
	case bucket == "":
		return onService
	case rest == "" || rest == bucket || rest == bucket+"/":
		return onBucket
	}
	return onObject
}

// params yields the parameters of a query in order, decoded as the server does.
func params(query string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for query != "" {
			var pair string
			pair, query, _ = strings.Cut(query, "&")
			if pair == "" {
				continue
			}
			name, value, _ := strings.Cut(pair, "=")
			name, err := url.QueryUnescape(name)
			if err != nil {
				continue
			}
			if value, err = url.QueryUnescape(value); err == nil && !yield(name, value) {
				return
			}
		}
	}
}

// wellFormed reports whether everybody decodes a query alike: the server's router takes ";" for a separator where others
// drop the pair, and what cannot be decoded is dropped by some.
func wellFormed(query string) bool {
	if strings.Contains(query, ";") {
		return false
	}
	for part := query; ; {
		_, rest, ok := strings.Cut(part, "%")
		if !ok {
			return true
		}
		if len(rest) < 2 || !isHex(rest[0]) || !isHex(rest[1]) {
			return false
		}
		part = rest[2:]
	}
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// hasParam reports whether the query has a parameter.
func hasParam(r *http.Request, name string) bool {
	for n := range params(r.URL.RawQuery) {
		if n == name {
			return true
		}
	}
	return false
}

// param returns the first parameter of that name, empty if there is none.
func param(r *http.Request, name string) string {
	for n, v := range params(r.URL.RawQuery) {
		if n == name {
			return v
		}
	}
	return ""
}

// places are pairs of a level and a method.
type places uint16

const (
	getService places = 1 << iota
	getBucket
	headBucket
	putBucket
	postBucket
	deleteBucket
	getObject
	headObject
	putObject
	postObject
	deleteObject

	anyPlace  places = 1<<iota - 1
	configure        = getBucket | putBucket | deleteBucket
	reading          = getService | getBucket | headBucket | getObject | headObject
)

// placeAt returns the place of a request, 0 for methods that no operation has.
func placeAt(method string, l level) places {
	column := [...]places{0, 0, 0}
	switch method {
	case http.MethodGet:
		column = [...]places{getService, getBucket, getObject}
	case http.MethodHead:
		column = [...]places{getService, headBucket, headObject}
	case http.MethodPut:
		column = [...]places{0, putBucket, putObject}
	case http.MethodPost:
		column = [...]places{0, postBucket, postObject}
	case http.MethodDelete:
		column = [...]places{0, deleteBucket, deleteObject}
	}
	return column[l]
}

// operations are the parameters that choose an operation, and where there is one. What is not here is not supported, with
// or without a handler in the server; handlers that there are decide themselves how they refuse.
var operations = map[string]places{
	"acl":                 getBucket | putBucket | getObject | putObject,
	"policy":              configure,
	"policyStatus":        getBucket,
	"tagging":             configure | getObject | putObject | deleteObject,
	"notification":        getBucket | putBucket,
	"cors":                configure,
	"lifecycle":           configure,
	"encryption":          configure,
	"versioning":          getBucket | putBucket,
	"replication":         getBucket | deleteBucket,
	"object-lock":         getBucket,
	"publicAccessBlock":   configure,
	"ownershipControls":   configure,
	"website":             getBucket | deleteBucket,
	"accelerate":          getBucket,
	"requestPayment":      getBucket,
	"logging":             getBucket,
	"inventory":           getBucket | deleteBucket,
	"analytics":           getBucket | deleteBucket,
	"metrics":             getBucket | deleteBucket,
	"intelligent-tiering": getBucket | deleteBucket,
	"location":            getBucket,
	"versions":            getBucket,
	"events":              getService | getBucket,
	"delete":              postBucket,
	"uploads":             getBucket | postObject,
	"uploadId":            getObject | putObject | postObject | deleteObject,
	"select":              postObject,
	"attributes":          getObject,
	"retention":           getObject,
	"legal-hold":          getObject,
}

// parameters are those that say how.
var parameters = map[string]places{
	"x-id":                         anyPlace, // the name of the operation, for the logs
	"AWSAccessKeyId":               anyPlace,
	"Signature":                    anyPlace,
	"Expires":                      anyPlace,
	"versionId":                    getObject | headObject | putObject | deleteObject,
	"partNumber":                   getObject | headObject | putObject,
	"response-content-type":        getObject | headObject,
	"response-content-language":    getObject | headObject,
	"response-expires":             getObject | headObject,
	"response-cache-control":       getObject | headObject,
	"response-content-disposition": getObject | headObject,
	"response-content-encoding":    getObject | headObject,
	"max-parts":                    getObject,
	"part-number-marker":           getObject,
	"select-type":                  postObject,
	"list-type":                    getBucket,
	"prefix":                       getService | getBucket,
	"suffix":                       getService | getBucket,
	"ping":                         getService | getBucket,
	"delimiter":                    getBucket,
	"marker":                       getBucket,
	"max-keys":                     getBucket,
	"encoding-type":                getBucket | getObject,
	"continuation-token":           getService | getBucket,
	"start-after":                  getBucket,
	"fetch-owner":                  getBucket,
	"metadata":                     getBucket,
	"key-marker":                   getBucket,
	"version-id-marker":            getBucket,
	"upload-id-marker":             getBucket,
	"max-uploads":                  getBucket,
	"max-buckets":                  getService,
	"bucket-region":                getService,
	"id":                           getBucket | deleteBucket,
}

// notImplemented is the reply to what this gateway does not do.
var notImplemented = &Failure{Status: http.StatusNotImplemented, Code: "NotImplemented",
	Message: "A header you provided implies functionality that is not implemented"}

// noSuchUpload is the reply to an id with a line end. The router takes no operation whose value has one: it would be a plain
// PUT or DELETE.
var noSuchUpload = &Failure{Status: http.StatusNotFound, Code: "NoSuchUpload",
	Message: "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."}

// badURI is the reply to a query that not everybody decodes alike.
var badURI = &Failure{Status: http.StatusBadRequest, Code: "InvalidURI", Message: "Couldn't parse the specified URI."}

// checkQuery turns down what a query asks for and is not there.
func checkQuery(r *http.Request, at places) *Failure {
	if r.URL.RawQuery == "" {
		return nil
	}
	if !wellFormed(r.URL.RawQuery) {
		return badURI
	}
	operation := ""
	for name, value := range params(r.URL.RawQuery) {
		if in, ok := operations[name]; ok {
			switch {
			case in&at == 0:
				return notImplemented
			case operation != "" && operation != name:
				return invalidArgument("Conflicting query string parameters: " + operation + ", " + name)
			case !strings.Contains(value, "\n"):
			case name == "uploadId":
				return noSuchUpload
			default:
				return badURI
			}
			operation = name
			continue
		}
		if answers(r, name, value) {
			return badURI
		}
		if in, ok := parameters[name]; ok {
			if f := checkParameter(name, value, in, at); f != nil {
				return f
			}
			continue
		}
		if len(name) > len(amzPrefix) && strings.EqualFold(name[:len(amzPrefix)], amzPrefix) {
			continue // a header in disguise, or the signature: checkHeaders
		}
		// Links carry marks such as ?v=2 against caches: a read that has a value for a name which nobody knows is a read.
		// Operations that this gateway does not know have no value.
		if value == "" || at&reading == 0 {
			return notImplemented
		}
	}
	return checkTogether(r, operation, at)
}

// checkParameter looks at one parameter that is known.
func checkParameter(name, value string, in, at places) *Failure {
	if in&at == 0 {
		return notImplemented
	}
	switch name {
	case "partNumber":
		if n, ok := number(value); !ok || n < 1 || n > 10000 {
			return invalidArgument("Part number must be an integer between 1 and 10000, inclusive")
		}
	case "max-parts", "part-number-marker", "max-keys", "max-uploads", "max-buckets":
		if _, ok := number(value); !ok && value != "" {
			return invalidArgument("Argument " + name + " must be an integer between 0 and 2147483647")
		}
	}
	return nil
}

// number reads an integer from 0 to 2147483647.
func number(s string) (n int, ok bool) {
	if s == "" || len(s) > 10 {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, n <= 1<<31-1
}

// signedV2 are the operations that signatures of version 2 cover. By a URL of that version somebody could ask for any other one.
var signedV2 = []string{"", "acl", "cors", "delete", "encryption", "legal-hold", "lifecycle", "location", "logging", "notification", "policy",
	"requestPayment", "retention", "select", "tagging", "uploadId", "uploads", "versioning", "versions", "website"}

// notSigned is the reply to an operation that the one who made a presigned URL did not sign.
var notSigned = &Failure{Status: http.StatusForbidden, Code: "AccessDenied", Message: "There were parameters present in the request which were not signed"}

// checkTogether looks at what belongs together.
func checkTogether(r *http.Request, operation string, at places) *Failure {
	if !slices.Contains(signedV2, operation) && SignatureOf(r) == QueryV2 {
		return notSigned
	}
	switch at {
	case getObject, headObject:
		if SignatureOf(r) == Unsigned && choosesHeaders(r) {
			return invalidRequest("Request specific response headers cannot be used for anonymous GET requests.")
		}
	case putObject:
		if hasParam(r, "partNumber") != (operation == "uploadId") {
			return invalidArgument("partNumber and uploadId must be specified together")
		}
		if operation == "" && hasParam(r, "versionId") {
			return invalidArgument("This operation does not accept a version-id.")
		}
	case postObject:
		if operation == "select" && param(r, "select-type") != "2" {
			return notImplemented
		}
	}
	return nil
}

// choosesHeaders reports whether the query says what headers the reply is to have. Somebody who may read an object without a
// signature could otherwise make a link to it by which a browser takes it for a page of the bucket's owner.
func choosesHeaders(r *http.Request) bool {
	for name := range params(r.URL.RawQuery) {
		if strings.HasPrefix(name, "response-") {
			return true
		}
	}
	return false
}
