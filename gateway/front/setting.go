package front

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// What a bucket cannot have is answered here as S3 answers for a bucket that never had it, instead of the 501 that the
// server has for it. The server's handlers run first: what they refuse, for the time, the signature or the name, stays
// refused, and the request shows in its trace. Where the policy language of the server has no action for a setting, the one
// for bucket policies stands for it, as in the server itself.

// The actions that more than one setting takes.
const (
	readPolicy  = "s3:GetBucketPolicy"
	writePolicy = "s3:PutBucketPolicy"
)

// setting is a sub-resource of buckets.
type setting struct {
	read, write string // actions
	kept        bool   // the server's own reply is right, if the bucket exists
	get         *Failure
	document    string // the reply to GET, instead of get
	list        string // name of the root element of a list of none: the setting has an id
	put         func(f *Front, r *http.Request, bucket string) *Failure
	remove      func(f *Front, r *http.Request, bucket string) *Failure
	load        func(f *Front, r *http.Request, bucket string) (string, *Failure)
}

// notThere is the reply to GET of a setting that a bucket does not have.
func notThere(code, message string) *Failure {
	return &Failure{Status: http.StatusNotFound, Code: code, Message: message}
}

// root is a document that is one empty element.
func root(name string) string { return "<" + name + ` xmlns="` + namespace + `"/>` }

// settings are those that the front answers for.
func settings() map[string]*setting {
	nothing := func(*Front, *http.Request, string) *Failure { return nil }
	return map[string]*setting{
		"versioning": {read: "s3:GetBucketVersioning", write: "s3:PutBucketVersioning", document: root("VersioningConfiguration"), put: putVersioning},
		"lifecycle": {read: "s3:GetLifecycleConfiguration", write: "s3:PutLifecycleConfiguration",
			get: notThere("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"), remove: nothing},
		"object-lock": {read: "s3:GetBucketObjectLockConfiguration",
			get: notThere("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket")},
		"replication": {read: "s3:GetReplicationConfiguration", write: "s3:PutReplicationConfiguration",
			get: notThere("ReplicationConfigurationNotFoundError", "The replication configuration was not found"), remove: nothing},
		"publicAccessBlock": {read: readPolicy, write: writePolicy,
			get: notThere("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"), remove: nothing},
		"ownershipControls": {read: readPolicy, write: writePolicy,
			get: notThere("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"), remove: nothing},
		"website": {read: readPolicy, write: writePolicy,
			get: notThere("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"), remove: nothing},
		"cors":                {read: readPolicy, write: writePolicy, load: getCORS, put: putCORS, remove: removeCORS},
		"tagging":             {read: "s3:GetBucketTagging", write: "s3:PutBucketTagging", kept: true},
		"logging":             {read: readPolicy, document: root("BucketLoggingStatus")},
		"accelerate":          {read: readPolicy, document: root("AccelerateConfiguration")},
		"requestPayment":      {read: readPolicy, document: `<RequestPaymentConfiguration xmlns="` + namespace + `"><Payer>BucketOwner</Payer></RequestPaymentConfiguration>`},
		"policyStatus":        {read: "s3:GetBucketPolicyStatus", load: policyStatus},
		"acl":                 {read: readPolicy, write: writePolicy, document: aclDocument, put: putACL},
		"inventory":           {read: readPolicy, write: writePolicy, list: "ListInventoryConfigurationsResult"},
		"analytics":           {read: readPolicy, write: writePolicy, list: "ListBucketAnalyticsConfigurationResult"},
		"metrics":             {read: readPolicy, write: writePolicy, list: "ListMetricsConfigurationsResult"},
		"intelligent-tiering": {read: readPolicy, write: writePolicy, list: "ListBucketIntelligentTieringConfigurationsOutput"},
	}
}

// noSuchConfiguration is for settings of which a bucket has several.
var noSuchConfiguration = notThere("NoSuchConfiguration", "The specified configuration does not exist.")

// maxReply is more than any reply of the server's handlers to a request that is answered here.
const maxReply = 64 << 10

// settle answers for the settings of a bucket.
func (f *Front) settle(next http.Handler) http.Handler {
	if f.o.Server == nil || f.o.Store == nil {
		return next
	}
	all := settings()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" && kindOf(r) == s3 {
			if bucket, key := placeOf(r); bucket != "" && (key == "" || isACL(r)) {
				if s, query := settingOf(all, r); s != nil && s.answers(r.Method) {
					replyOf(w).hold(maxReply, func(status int, h http.Header, body []byte) (int, []byte) {
						wordless := status == http.StatusForbidden && len(body) == 0 // one handler says no more
						if status != http.StatusOK && status != http.StatusNotFound && status != http.StatusNotImplemented && !wordless {
							return status, body // refused, or done as S3 does it
						}
						return f.answerSetting(replyOf(w), r, s, query, status, body)
					})
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// settingOf returns the setting that a query names, nil if it names none.
func settingOf(all map[string]*setting, r *http.Request) (*setting, url.Values) {
	for part := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(part, "=")
		if s := all[name]; s != nil {
			return s, r.URL.Query()
		}
	}
	return nil, nil
}

// answers reports whether the front answers a method: the server's 501 stays for what is not supported.
func (s *setting) answers(method string) bool {
	switch method {
	case http.MethodGet:
		return true
	case http.MethodPut:
		return s.put != nil
	case http.MethodDelete:
		return s.remove != nil || s.list != "" || s.kept
	}
	return false
}

// answerSetting is the reply in place of the server's.
func (f *Front) answerSetting(p *reply, r *http.Request, s *setting, query url.Values, status int, body []byte) (int, []byte) {
	bucket, key := placeOf(r)
	action := s.read
	if r.Method != http.MethodGet {
		action = s.write
	}
	failed := f.o.Server.Allow(r, action, bucket, "")
	if failed == nil && key == "" {
		failed = failureOf(f.o.Store.HasBucket(r.Context(), bucket))
	} else if failed == nil {
		failed = failureOf(f.o.Store.HasObject(r.Context(), bucket, key, query.Get("versionId")))
	}
	document := ""
	if failed == nil {
		if s.kept && (r.Method != http.MethodDelete || status != http.StatusOK) {
			return status, body
		}
		status, document, failed = f.change(s, r, bucket, query)
	}
	if failed != nil {
		p.fail(r.URL.Path, *failed)
		return 0, nil
	}
	h := p.Header()
	h.Del("Content-Type")
	h.Del("Content-Length")
	if document == "" {
		return status, nil
	}
	h.Set("Content-Type", "application/xml")
	return status, []byte(xmlHeader + document)
}

// change does what a request asks for and returns the reply.
func (f *Front) change(s *setting, r *http.Request, bucket string, query url.Values) (int, string, *Failure) {
	switch {
	case r.Method == http.MethodGet:
		document, failed := f.read(s, r, bucket, query)
		return http.StatusOK, document, failed
	case r.Method == http.MethodPut:
		return http.StatusOK, "", s.put(f, r, bucket)
	case s.list != "":
		return 0, "", noSuchConfiguration
	case s.remove != nil:
		return http.StatusNoContent, "", s.remove(f, r, bucket)
	}
	return http.StatusNoContent, "", nil
}

func (f *Front) read(s *setting, r *http.Request, bucket string, query url.Values) (string, *Failure) {
	switch {
	case s.load != nil:
		return s.load(f, r, bucket)
	case s.list != "" && query.Get("id") != "":
		return "", noSuchConfiguration
	case s.list != "":
		return "<" + s.list + ` xmlns="` + namespace + `"><IsTruncated>false</IsTruncated></` + s.list + ">", nil
	}
	return s.document, s.get
}

// failureOf is the reply to an error of the Store; nil for none.
func failureOf(err error) *Failure {
	if err == nil {
		return nil
	}
	if f := (*Failure)(nil); errors.As(err, &f) {
		return f
	}
	return internalError
}

// policyStatus tells whether a bucket's policy lets everybody in.
func policyStatus(f *Front, r *http.Request, bucket string) (string, *Failure) {
	public, err := f.o.Store.Public(r.Context(), bucket)
	if err != nil {
		return "", failureOf(err)
	}
	d := newDocument("PolicyStatus", 256)
	d.boolean("IsPublic", public)
	d.close("PolicyStatus")
	return strings.TrimPrefix(string(d.b), xmlHeader), nil
}

// maxSetting is the largest document of a setting, in bytes; S3 has 64 KiB for the largest of them.
const maxSetting = 64 << 10

// readBody reads the document that a request puts. The signature check of the server verifies it while it is read.
func readBody(r *http.Request) ([]byte, *Failure) {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxSetting+1))
	switch {
	case err != nil:
		return nil, badBody(err)
	case len(b) > maxSetting:
		return nil, malformed
	}
	return b, nil
}

// badBody is the reply to a body that could not be read, or is not what its sums say.
func badBody(err error) *Failure {
	if f := (*Failure)(nil); errors.As(err, &f) {
		return f
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &Failure{Status: http.StatusBadRequest, Code: "IncompleteBody", Message: "You did not provide the number of bytes specified by the Content-Length HTTP header."}
	}
	return &Failure{Status: http.StatusBadRequest, Code: "BadDigest", Message: "The Content-MD5 or checksum value that you specified did not match what the server received."}
}

func notSupported(message string) *Failure {
	return &Failure{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: message}
}

// putVersioning takes what leaves a bucket without versions.
func putVersioning(_ *Front, r *http.Request, _ string) *Failure {
	b, failed := readBody(r)
	if failed != nil {
		return failed
	}
	var v struct {
		Status    string
		MFADelete string `xml:"MfaDelete"`
	}
	switch failed := decode(b, "VersioningConfiguration", &v); {
	case failed != nil:
		return failed
	case v.MFADelete != "" && v.MFADelete != "Disabled":
		return notSupported("MFA delete is not supported")
	case v.Status == "Suspended":
		return nil
	case v.Status == "Enabled":
		return notSupported("Versioning is not supported")
	}
	return &Failure{Status: http.StatusBadRequest, Code: "IllegalVersioningConfigurationException",
		Message: "The Versioning element must be specified"}
}
