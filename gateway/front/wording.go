package front

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"strings"
)

// Error replies say what S3 says. The server's differ in words, has codes of its own, and shows causes that are nobody's
// business. docs/design/error-codes.md has the table with reasons.

// wordings are replies by the server's codes; what is empty stays.
var wordings = map[string]Failure{
	"AccessDenied":       {Message: "Access Denied"},
	"InternalError":      {Message: "We encountered an internal error. Please try again."},
	"SlowDown":           {Message: "Please reduce your request rate."},
	"InvalidAccessKeyId": {Message: "The AWS Access Key Id you provided does not exist in our records."},
	"MalformedXML":       {Message: malformed.Message},
	"InvalidPartOrder":   {Message: "The list of parts was not in ascending order. Parts must be ordered by part number."},

	"XMinioInvalidObjectName":        {Code: "InvalidURI"},
	"XMinioInvalidResourceName":      {Code: "InvalidURI"},
	"XMinioRequestBodyParse":         {Code: "InvalidRequest"},
	"XMinioInvalidDecompressedSize":  {Code: "InvalidRequest"},
	"XMinioInsecureClientRequest":    {Code: "InvalidRequest"},
	"XMinioAdminBucketQuotaExceeded": {Code: "InvalidRequest"},
	"XMinioMalformedJSON":            {Code: "InvalidRequest"},
	"XMinioObjectTampered":           {Status: http.StatusInternalServerError, Code: "InternalError", Message: "We encountered an internal error. Please try again."},
	"XMinioServerNotInitialized":     {Code: "ServiceUnavailable", Message: "Service is unable to handle request."},
	"XMinioBackendDown":              {Code: "ServiceUnavailable", Message: "Service is unable to handle request."},
}

// messages are replies by the server's messages, where a code has several.
var messages = map[string]string{
	"The Content-Md5 you specified did not match what we received.": "The Content-MD5 you specified did not match what we received.",
	"The Content-Md5 you specified is not valid.":                   "The Content-MD5 you specified is not valid.",
	"Bucket is missing ObjectLockConfiguration":                     "Bucket is missing Object Lock Configuration",
}

var internalError = &Failure{Status: http.StatusInternalServerError, Code: "InternalError", Message: "We encountered an internal error. Please try again."}

// s3Failure is what S3 has for an error reply.
func s3Failure(f Failure) Failure {
	w := wordings[f.Code]
	if w.Status != 0 {
		f.Status = w.Status
	}
	if w.Code != "" {
		f.Code = w.Code
	}
	if w.Message != "" {
		f.Message = w.Message
	} else if m := messages[f.Message]; m != "" {
		f.Message = m
	}
	return f
}

// maxError is more than an error reply of the server has: a key, escaped, twice.
const maxError = 32 << 10

// reword changes an error reply of the server, which is always written in the same way: code and message come first.
func reword(r *http.Request, status int, body []byte) (int, []byte) {
	code, _, ok1 := element(body, "Code")
	message, rest, ok2 := element(body, "Message")
	if !ok1 || !ok2 {
		return status, body
	}
	was := Failure{Status: status, Code: code, Message: message}
	f := was
	switch {
	case f.Code == "InternalError" && isBadDocument(r, message):
		f = *malformed
	case f.Code == "MissingContentLength" && r.ContentLength == 0 && r.Method == http.MethodPost:
		f = *malformed // there is a length, but no document
	}
	if f = s3Failure(f); f == was {
		return status, body
	}
	d := document{b: make([]byte, 0, len(body)+256)}
	d.b = append(d.b, xmlHeader+"<Error>"...)
	d.element("Code", f.Code)
	d.element("Message", f.Message)
	d.b = append(d.b, rest...)
	return f.Status, d.b
}

// element returns the text of the first element of a name, and what follows it.
func element(body []byte, name string) (text string, rest []byte, ok bool) {
	_, after, ok := bytes.Cut(body, []byte("<"+name+">"))
	if !ok {
		return "", nil, false
	}
	raw, rest, ok := bytes.Cut(after, []byte("</"+name+">"))
	if !ok {
		return "", nil, false
	}
	if !bytes.ContainsRune(raw, '&') {
		return string(raw), rest, true
	}
	var plain string
	if xml.Unmarshal([]byte("<x>"+string(raw)+"</x>"), &plain) != nil {
		return "", nil, false
	}
	return plain, rest, true
}

// badDocuments are the causes that the server shows when it could not read the document of a request.
var badDocuments = []string{"cause(EOF)", "cause(unexpected EOF)", "cause(strconv.", "cause(expected element type"}

// isBadDocument reports whether the server's internal error is one of the client's: a document that ends too early or
// holds something else. The server knows only one kind of error of its parser.
func isBadDocument(r *http.Request, message string) bool {
	if r.URL.RawQuery == "" || r.Method != http.MethodPut && r.Method != http.MethodPost || hasParam(r, "partNumber") {
		return false
	}
	for _, cause := range badDocuments {
		if strings.Contains(message, cause) {
			return true
		}
	}
	return false
}
