package s3

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
)

// operations are the parameters by which S3 of today, or another server, chooses an operation, with what those methods answer that
// have one here, asked without a body or anything else. All others are 501. First of buckets, then of objects.
var operations = map[string][2]string{
	"abac": {}, "append": {}, "appendObject": {}, "delete": {"POST 400 MalformedXML"}, "encryptionConfiguration": {}, "lambdaArn": {},
	"lock": {}, "metadataAnnotationTable": {}, "metadataConfiguration": {}, "metadataInventoryTable": {}, "metadataJournalTable": {}, "metadataTable": {},
	"object-encryption": {}, "quota": {}, "renameObject": {}, "replication-metrics": {}, "replication-reset": {}, "restore": {}, "session": {}, "torrent": {},
	"updateObjectEncryption": {}, "whatever": {}, "select": {}, "ACL": {}, "Tagging": {}, "Uploads": {}, "ReNameObject": {},

	"accelerate":                {"GET 200"},
	"acl":                       {"GET 200, PUT 400 MalformedXML", "GET 200, PUT 400 MalformedXML"},
	"analytics":                 {"GET 200, DELETE 404 NoSuchConfiguration"},
	"analytics&id=1":            {"GET 404 NoSuchConfiguration, DELETE 404 NoSuchConfiguration"},
	"attributes":                {"", "GET 400 InvalidRequest"},
	"cors":                      {"GET 404 NoSuchCORSConfiguration, PUT 400 MalformedXML, DELETE 204"},
	"encryption":                {"GET 404 ServerSideEncryptionConfigurationNotFoundError, DELETE 204"},
	"events=x":                  {"GET 400 InvalidArgument"},
	"intelligent-tiering":       {"GET 200, DELETE 404 NoSuchConfiguration"},
	"intelligent-tiering&id=1":  {"GET 404 NoSuchConfiguration, DELETE 404 NoSuchConfiguration"},
	"inventory":                 {"GET 200, DELETE 404 NoSuchConfiguration"},
	"inventory&id=1":            {"GET 404 NoSuchConfiguration, DELETE 404 NoSuchConfiguration"},
	"legal-hold":                {"", "GET 400 InvalidRequest"},
	"lifecycle":                 {"GET 404 NoSuchLifecycleConfiguration, DELETE 204"},
	"location":                  {"GET 200"},
	"logging":                   {"GET 200"},
	"metrics":                   {"GET 200, DELETE 404 NoSuchConfiguration"},
	"metrics&id=1":              {"GET 404 NoSuchConfiguration, DELETE 404 NoSuchConfiguration"},
	"notification":              {"GET 200, PUT 411 MissingContentLength"},
	"object-lock":               {"GET 404 ObjectLockConfigurationNotFoundError"},
	"ownershipControls":         {"GET 404 OwnershipControlsNotFoundError, DELETE 204"},
	"policy":                    {"GET 404 NoSuchBucketPolicy, PUT 411 MissingContentLength, DELETE 204"},
	"policyStatus":              {"GET 404 NoSuchBucketPolicy"},
	"publicAccessBlock":         {"GET 404 NoSuchPublicAccessBlockConfiguration, DELETE 204"},
	"replication":               {"GET 404 ReplicationConfigurationNotFoundError, DELETE 204"},
	"requestPayment":            {"GET 200"},
	"retention":                 {"", "GET 400 InvalidRequest"},
	"select&select-type=2":      {},
	"tagging":                   {"GET 404 NoSuchTagSet, PUT 400 MalformedXML, DELETE 204", "GET 200, PUT 400 MalformedXML, DELETE 204"},
	"uploadId=x":                {"", "GET 404 NoSuchUpload, PUT 400 InvalidArgument, POST 400 MalformedXML, DELETE 404 NoSuchUpload"},
	"uploadId=x&partNumber=1":   {"", "GET 404 NoSuchUpload, PUT 404 NoSuchUpload"},
	"uploads":                   {"GET 200", "POST 200"},
	"versioning":                {"GET 200, PUT 400 MalformedXML"},
	"versions":                  {"GET 200"},
	"website":                   {"GET 404 NoSuchWebsiteConfiguration, DELETE 204"},
	"restore&versionId=null":    {},
	"tagging&renameObject=x":    {"GET 404 NoSuchTagSet", "GET 200"}, // reads ignore what they do not know, if it has a value
	"x-id=RenameObject&restore": {},
}

// TestEveryOperation asks for each operation that there is, and for some that there are not, by each method. None is taken for
// another one: what is not here is 501, and nothing has changed.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, everything...))
	c.put("k", []byte("old"), minio.PutObjectOptions{})
	for name, wants := range operations {
		for k, at := range []string{c.bucket, c.bucket + "/k"} {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodPatch} {
				want := "501 NotImplemented"
				for w := range strings.SplitSeq(wants[k], ", ") {
					if rest, ok := strings.CutPrefix(w, method+" "); ok {
						want = rest
					}
				}
				if method == http.MethodPatch {
					want = "405 MethodNotAllowed"
				}
				r := c.send(method, at+"?"+name, nil)
				got := strings.TrimSpace(fmt.Sprint(r.status, " ", r.code()))
				if method == http.MethodHead { // it has no body
					want, _, _ = strings.Cut(want, " ")
				}
				c.same(method+" "+at+"?"+name, got, want)
				if k == 1 && strings.Contains(string(r.body), "old") {
					t.Errorf("%s ?%s gives the object", method, name)
				}
			}
			c.same("the object after ?"+name, string(c.get("k")), "old")
		}
	}
	c.same("keys", c.keys("", ""), "k")
}

// TestEveryHeader: a write with a header of S3 that asks for what is not there does not happen.
func TestEveryHeader(t *testing.T) {
	t.Parallel()
	c := use(t, serve(t, everything...))
	c.put("k", []byte("old"), minio.PutObjectOptions{})
	for name, value := range map[string]string{
		"Server-Side-Encryption": "AES256", "Server-Side-Encryption-Aws-Kms-Key-Id": "x", "Server-Side-Encryption-Context": "e30=",
		"Server-Side-Encryption-Bucket-Key-Enabled": "true", "Server-Side-Encryption-Customer-Algorithm": "AES256",
		"Server-Side-Encryption-Customer-Key": "x", "Server-Side-Encryption-Customer-Key-Md5": "x", "Copy-Source-Server-Side-Encryption-Customer-Algorithm": "AES256",
		"Website-Redirect-Location": "/x", "Write-Offset-Bytes": "3", "Object-Lock-Mode": "COMPLIANCE", "Object-Lock-Retain-Until-Date": "2030-01-01T00:00:00Z",
		"Object-Lock-Legal-Hold": "ON", "Bypass-Governance-Retention": "true", "Rename-Source": "/x", "Rename-Source-If-Match": "x", "Source-If-Match": "x",
		"Client-Token": "x", "Grant-Full-Control": "id=1", "Grant-Write-Acp": "id=1", "Acl": "public-read-write", "Storage-Class": "EXPRESS_ONEZONE",
		"Expected-Bucket-Owner": "123456789012", "If-Match-Size": "3", "If-Match-Last-Modified-Time": "x", "Create-Session-Mode": "ReadWrite",
		"Confirm-Remove-Self-Bucket-Access": "true", "Skip-Destination-Validation": "true", "Transition-Default-Minimum-Object-Size": "varies_by_storage_class",
		"Request-Route": "x", "Fwd-Status": "200", "Bucket-Object-Lock-Enabled": "true", "Bucket-Object-Lock-Token": "x", "Annotation-Name": "x",
		"Object-If-Match": "x", "Whatever": "1",
	} {
		name = "X-Amz-" + name
		for _, path := range []string{"k", "new"} {
			r := c.send(http.MethodPut, c.bucket+"/"+path, []byte("new"), name, value)
			if r.status < 400 {
				t.Errorf("PUT with %s: %d", name, r.status)
			}
		}
		if r := c.send(http.MethodPost, c.bucket+"/k?uploads", nil, name, value); r.status < 400 {
			t.Errorf("an upload with %s: %d", name, r.status)
		}
		if r := c.send(http.MethodPut, c.bucket+"/k", nil, name, value, "X-Amz-Copy-Source", c.bucket+"/other"); r.status < 400 || r.status == http.StatusNotFound {
			t.Errorf("a copy with %s: %d", name, r.status)
		}
	}
	c.same("object", string(c.get("k")), "old")
	c.same("keys", c.keys("", ""), "k")
	uploads, err := c.ListMultipartUploads(t.Context(), c.bucket, "", "", "", "", 10)
	must(t, err)
	c.same("uploads", len(uploads.Uploads), 0)
}
