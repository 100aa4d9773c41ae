package front

import (
	"net/http"
	"strings"

	"github.com/google/uuid"
)

const amzPrefix = "X-Amz-"

// rule decides about a header that asks for something. nil: it may pass.
type rule func(value string, at places) *Failure

// passes is the rule of headers that are obeyed, or may be ignored as they ask for nothing.
func passes(string, places) *Failure { return nil }

// unsupported is the rule of headers that ask for what is not there.
func unsupported(string, places) *Failure { return notImplemented }

// headers are the rules of X-Amz- headers by their canonical names.
var headers = map[string]rule{
	"X-Amz-Algorithm":                       passes,
	"X-Amz-Credential":                      passes,
	"X-Amz-Date":                            passes,
	"X-Amz-Expires":                         passes,
	"X-Amz-Signature":                       passes,
	"X-Amz-Signedheaders":                   passes,
	"X-Amz-Security-Token":                  passes,
	"X-Amz-Content-Sha256":                  passes,
	"X-Amz-Decoded-Content-Length":          passes,
	"X-Amz-Trailer":                         passes,
	"X-Amz-Sdk-Checksum-Algorithm":          passes,
	"X-Amz-Mp-Object-Size":                  passes,
	"X-Amz-Tagging":                         passes,
	"X-Amz-Tagging-Directive":               passes,
	"X-Amz-Metadata-Directive":              passes,
	"X-Amz-Copy-Source":                     copySource,
	"X-Amz-Copy-Source-Range":               passes,
	"X-Amz-Copy-Source-If-Match":            passes,
	"X-Amz-Copy-Source-If-None-Match":       passes,
	"X-Amz-Copy-Source-If-Modified-Since":   passes,
	"X-Amz-Copy-Source-If-Unmodified-Since": passes,
	"X-Amz-Object-Attributes":               passes,
	"X-Amz-Max-Parts":                       passes,
	"X-Amz-Part-Number-Marker":              passes,
	"X-Amz-Optional-Object-Attributes":      passes,
	"X-Amz-Request-Payer":                   passes,
	"X-Amz-Mfa":                             passes, // asked for only where versions are removed
	"X-Amz-User-Agent":                      passes,
	"X-Amz-Storage-Class":                   storageClassRule,
	"X-Amz-Acl":                             cannedACL,
	"X-Amz-Object-Ownership":                ownership,
	"X-Amz-Expected-Bucket-Owner":           expectedOwner,
	"X-Amz-Source-Expected-Bucket-Owner":    expectedOwner,
	"X-Amz-Bucket-Object-Lock-Enabled":      lockEnabled,
	"X-Amz-Bypass-Governance-Retention":     governance,
	"X-Amz-Object-Lock-Mode":                objectLock,
	"X-Amz-Object-Lock-Retain-Until-Date":   objectLock,
	"X-Amz-Object-Lock-Legal-Hold":          objectLock,
	"X-Amz-Website-Redirect-Location":       unsupported,
	"X-Amz-Write-Offset-Bytes":              unsupported,
	"X-Amz-If-Match-Last-Modified-Time":     unsupported,
	"X-Amz-If-Match-Size":                   unsupported,
}

// ruleOf returns the rule of a header. Those that nobody knows are ignored on reads and not supported on writes.
func ruleOf(name string, at places) rule {
	if r, ok := headers[name]; ok {
		return r
	}
	rest := name[len(amzPrefix):]
	switch {
	case strings.HasPrefix(rest, "Meta-"), isSumHeader(name):
		return passes
	case strings.HasPrefix(rest, "Grant-"):
		return grant
	case strings.HasPrefix(rest, "Server-Side-Encryption"), strings.HasPrefix(rest, "Copy-Source-Server-Side-Encryption"):
		return encryption
	case at&reading != 0:
		return passes
	}
	return unsupported
}

// checkHeaders turns down what headers ask for and is not there. Headers may be written as parameters of the query, as in
// presigned URLs; they are checked likewise.
func checkHeaders(r *http.Request, at places) *Failure {
	for name, values := range r.Header {
		if strings.HasPrefix(name, ownPrefix) {
			if f := ownHeader(name, at); f != nil {
				return f
			}
			continue
		}
		if !strings.HasPrefix(name, amzPrefix) || len(values) == 0 {
			continue
		}
		if len(values) > 1 && single[name] {
			return invalidArgument("There must be one " + strings.ToLower(name) + " header.")
		}
		if f := ruleOf(name, at)(values[0], at); f != nil {
			if f == bucketACL && hasParam(r, "acl") {
				f = aclDisabled // the bucket is there
			}
			return f
		}
	}
	for name, value := range params(r.URL.RawQuery) {
		if len(name) <= len(amzPrefix) || !strings.EqualFold(name[:len(amzPrefix)], amzPrefix) {
			continue
		}
		if f := checkHoisted(r, http.CanonicalHeaderKey(name), value, at); f != nil {
			return f
		}
	}
	return nil
}

// ownPrefix begins the names of headers that only the server and clients of its make know.
const ownPrefix = "X-Minio-"

// replicas begin the names of headers by which the server's replication says what it copies: a write with one of them is in
// nobody's events, and may say when it was made and what its entity tag is. Nobody replicates to here.
var replicas = [...]string{"X-Minio-Source-", "X-Minio-Replication-"}

func isReplica(name string) bool {
	for _, prefix := range replicas {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// ownHeader is the rule of a header with ownPrefix.
func ownHeader(name string, at places) *Failure {
	switch {
	case strings.HasPrefix(name, "X-Minio-Meta-"):
		return nil
	case strings.HasPrefix(name, "X-Minio-Internal-"):
		return nil // the server refuses it
	case name == "X-Minio-Force-Delete" && at == deleteBucket:
		return nil // a right of its own
	case isReplica(name), name == "X-Minio-Extract": // of a file in an archive
		return notImplemented
	case at&reading != 0:
		return nil
	}
	return notImplemented
}

// checkHoisted looks at a header that is a parameter of the query, and makes it a header, which is all that handlers look
// at. What they were chosen by cannot be changed any more.
func checkHoisted(r *http.Request, name, value string, at places) *Failure {
	switch name {
	case "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-Signature", "X-Amz-Signedheaders",
		"X-Amz-Security-Token", contentHash:
		return nil
	case "X-Amz-Copy-Source":
		return notImplemented
	}
	if s := SignatureOf(r); s == HeaderV2 || s == QueryV2 {
		return notImplemented // these signatures do not cover it
	}
	if f := ruleOf(name, at)(value, at); f != nil {
		return f
	}
	if single[name] && r.Header.Get(name) != "" && r.Header.Get(name) != value {
		return badURI
	}
	if _, ok := r.Header[name]; !ok {
		r.Header.Set(name, value)
	}
	return nil
}

const contentHash = "X-Amz-Content-Sha256"

func copySource(value string, at places) *Failure {
	path, query, ok := strings.Cut(value, "?")
	switch {
	case at != putObject:
		return nil
	case !strings.Contains(path, "/") && !strings.Contains(path, "%2F"):
		return invalidArgument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	case strings.Contains(value, "#"), ok && (!strings.HasPrefix(query, "versionId=") || strings.Contains(query, "&")):
		// The server would copy the object whose key is what stands before these.
		return invalidArgument("The copy source must be url encoded")
	}
	if version := strings.TrimPrefix(query, "versionId="); version != "" && version != nullVersion && uuid.Validate(version) != nil {
		return invalidArgument("Invalid version id specified") // as reads of such a version
	}
	return nil
}

// aclDisabled is what AWS answers where buckets have no ACLs, as is the default there.
var aclDisabled = &Failure{Status: http.StatusBadRequest, Code: "AccessControlListNotSupported", Message: "The bucket does not allow ACLs"}

func cannedACL(value string, at places) *Failure {
	switch value {
	case "private", "bucket-owner-full-control", "":
		return nil
	case "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read", "log-delivery-write":
		if at&reading != 0 {
			return nil
		}
		if at == putBucket {
			return bucketACL
		}
		return aclDisabled
	}
	return invalidArgument("The specified canned ACL is not valid")
}

// bucketACL is the same for a bucket that is made.
var bucketACL = &Failure{Status: http.StatusBadRequest, Code: "InvalidBucketAclWithObjectOwnership",
	Message: "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"}

func grant(_ string, at places) *Failure {
	switch {
	case at&reading != 0:
		return nil
	case at == putBucket:
		return bucketACL
	}
	return aclDisabled
}

func ownership(value string, _ places) *Failure {
	switch value {
	case "BucketOwnerEnforced":
		return nil
	case "BucketOwnerPreferred", "ObjectWriter":
		return notImplemented
	}
	return invalidArgument("Invalid x-amz-object-ownership header: " + value)
}

func expectedOwner(value string, _ places) *Failure {
	if value == ownerID {
		return nil
	}
	return &Failure{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Access Denied"}
}

func lockEnabled(value string, _ places) *Failure {
	if strings.EqualFold(value, "false") {
		return nil
	}
	return notImplemented
}

func governance(value string, at places) *Failure {
	if at&reading != 0 || strings.EqualFold(value, "false") {
		return nil
	}
	return invalidArgument("x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.")
}

func objectLock(_ string, at places) *Failure {
	if at&reading != 0 {
		return nil
	}
	return &Failure{Status: http.StatusBadRequest, Code: "InvalidRequest", Message: "Bucket is missing Object Lock Configuration"}
}

func encryption(_ string, at places) *Failure {
	if at&reading != 0 {
		return &Failure{Status: http.StatusBadRequest, Code: "InvalidRequest", Message: "The encryption parameters are not applicable to this object."}
	}
	return notImplemented
}

// storageClassRule knows the names that a bucket of AWS takes. There is one class here: requests for others get it.
func storageClassRule(value string, _ places) *Failure {
	switch value {
	case "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "GLACIER_IR", "DEEP_ARCHIVE":
		return nil
	}
	return &Failure{Status: http.StatusBadRequest, Code: "InvalidStorageClass", Message: "The storage class you specified is not valid"}
}
