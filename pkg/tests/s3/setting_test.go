package s3

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/minio/minio-go/v7"
)

// settings are what a bucket cannot have: what is there, what is refused, what may be removed.
func settings(c *client) {
	c.put("k", nil, minio.PutObjectOptions{})
	for query, want := range map[string]string{
		"versioning":               "VersioningConfiguration()",
		"logging":                  "BucketLoggingStatus()",
		"accelerate":               "AccelerateConfiguration()",
		"requestPayment":           "RequestPaymentConfiguration(Payer(BucketOwner))",
		"inventory":                "ListInventoryConfigurationsResult(IsTruncated(false))",
		"analytics":                "ListBucketAnalyticsConfigurationResult(IsTruncated(false))",
		"metrics":                  "ListMetricsConfigurationsResult(IsTruncated(false))",
		"intelligent-tiering":      "ListBucketIntelligentTieringConfigurationsOutput(IsTruncated(false))",
		"acl":                      theACL,
		"lifecycle":                "404 NoSuchLifecycleConfiguration The lifecycle configuration does not exist",
		"cors":                     "404 NoSuchCORSConfiguration The CORS configuration does not exist",
		"publicAccessBlock":        "404 NoSuchPublicAccessBlockConfiguration The public access block configuration was not found",
		"ownershipControls":        "404 OwnershipControlsNotFoundError The bucket ownership controls were not found",
		"encryption":               "404 ServerSideEncryptionConfigurationNotFoundError The server side encryption configuration was not found",
		"object-lock":              "404 ObjectLockConfigurationNotFoundError Object Lock configuration does not exist for this bucket",
		"website":                  "404 NoSuchWebsiteConfiguration The specified bucket does not have a website configuration",
		"replication":              "404 ReplicationConfigurationNotFoundError The replication configuration was not found",
		"policyStatus":             "404 NoSuchBucketPolicy The bucket policy does not exist",
		"policy":                   "404 NoSuchBucketPolicy The bucket policy does not exist",
		"tagging":                  "404 NoSuchTagSet The TagSet does not exist",
		"notification":             "NotificationConfiguration()",
		"inventory&id=x":           "404 NoSuchConfiguration The specified configuration does not exist.",
		"metrics&id=x":             "404 NoSuchConfiguration The specified configuration does not exist.",
		"analytics&id=x":           "404 NoSuchConfiguration The specified configuration does not exist.",
		"intelligent-tiering&id=x": "404 NoSuchConfiguration The specified configuration does not exist.",
	} {
		c.same(query, c.said(http.MethodGet, c.bucket+"?"+query, ""), want)
		c.same(query+" of a missing bucket", c.said(http.MethodGet, "no-such-bucket?"+query, ""), "404 NoSuchBucket The specified bucket does not exist")
		c.same(query+" for nobody", c.anonymous(http.MethodGet, c.bucket+"?"+query), http.StatusForbidden)
	}
	for query, want := range map[string]int{
		"lifecycle": 204, "encryption": 204, "publicAccessBlock": 204, "ownershipControls": 204, "website": 204, "replication": 204,
		"tagging": 204, "policy": 204, "inventory&id=x": 404, "logging": 501, "accelerate": 501, "requestPayment": 501,
	} {
		c.same("DELETE "+query, c.send(http.MethodDelete, c.bucket+"?"+query, nil).status, want)
		if want == 204 {
			c.expect(http.StatusNotFound, "NoSuchBucket", http.MethodDelete, "no-such-bucket?"+query, nil)
			c.same(query+" for nobody", c.anonymous(http.MethodDelete, c.bucket+"?"+query), http.StatusForbidden)
		}
	}
	for _, query := range []string{"lifecycle", "publicAccessBlock", "ownershipControls", "website", "replication", "logging", "accelerate",
		"requestPayment", "inventory&id=x", "analytics&id=x", "metrics&id=x", "intelligent-tiering&id=x", "object-lock", "encryption"} {
		c.expect(http.StatusNotImplemented, "NotImplemented", http.MethodPut, c.bucket+"?"+query, []byte("<X/>"))
	}
	c.same("the bucket and its object stay", c.there("k"), true)
}

const theACL = "AccessControlPolicy(Owner(ID(02d6176db174dc93cb1b899f7c6078f08654445fe8cf1b6ce98d8855f66bdbf4) DisplayName(minio)) AccessControlList(Grant(" +
	"Grantee(ID(02d6176db174dc93cb1b899f7c6078f08654445fe8cf1b6ce98d8855f66bdbf4) DisplayName(minio)) Permission(FULL_CONTROL))))"

// said is what a request got: the XML of a success, or status, code and message.
func (c *client) said(method, pathAndQuery, body string, headers ...string) string {
	c.t.Helper()
	r := c.send(method, pathAndQuery, []byte(body), headers...)
	if r.status/100 == 2 {
		if len(r.body) == 0 {
			return http.StatusText(r.status)
		}
		return c.parsed(r).String()
	}
	return c.failed(r)
}

// failed is status, code and message of an error reply, which must have the elements that all have.
func (c *client) failed(r *reply) string {
	c.t.Helper()
	at := map[string]string{}
	for _, n := range c.parsed(r).Nodes {
		at[n.XMLName.Local] = n.Text
	}
	if at["RequestId"] == "" || at["RequestId"] != r.header.Get("X-Amz-Request-Id") || at["Resource"] == "" {
		c.t.Errorf("an error without resource or request id: %s (header %q)", r.body, r.header.Get("X-Amz-Request-Id"))
	}
	return fmt.Sprintf("%d %s %s", r.status, at["Code"], at["Message"])
}

// anonymous is the status of a request without a signature.
func (c *client) anonymous(method, pathAndQuery string) int {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.g.URL()+"/"+pathAndQuery, nil)
	must(c.t, err)
	resp, err := http.DefaultClient.Do(req)
	must(c.t, err)
	must(c.t, resp.Body.Close())
	return resp.StatusCode
}

func versioning(c *client) {
	for body, want := range map[string]string{
		"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>":                               "OK",
		`<VersioningConfiguration xmlns="` + namespace + `"><Status>Suspended</Status></VersioningConfiguration>`:     "OK",
		"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>":                                 "501 NotImplemented Versioning is not supported",
		"<VersioningConfiguration><Status>Suspended</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>": "501 NotImplemented MFA delete is not supported",
		"<VersioningConfiguration><Status>On</Status></VersioningConfiguration>":                                      "400 IllegalVersioningConfigurationException The Versioning element must be specified",
		"<VersioningConfiguration/><VersioningConfiguration/>":                                                        malformed,
		"<Versioning><Status>Suspended</Status></Versioning>":                                                         malformed,
		"<VersioningConfiguration><Status>Suspended</Status>":                                                         malformed,
		"":  malformed,
		"x": malformed,
		"<VersioningConfiguration>" + strings.Repeat(" ", 70<<10) + "<Status>Suspended</Status></VersioningConfiguration>": malformed,
	} {
		c.same(body, c.said(http.MethodPut, c.bucket+"?versioning", body), want)
	}
	c.same("afterwards", c.said(http.MethodGet, c.bucket+"?versioning", ""), "VersioningConfiguration()")
	c.expect(http.StatusNotFound, "NoSuchBucket", http.MethodPut, "no-such-bucket?versioning", []byte("<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"))
	c.same("for nobody", c.anonymous(http.MethodPut, c.bucket+"?versioning"), http.StatusForbidden)
}

const malformed = "400 MalformedXML The XML you provided was not well-formed or did not validate against our published schema"

func acls(c *client) {
	c.put("d/k", nil, minio.PutObjectOptions{})
	const (
		owner  = "02d6176db174dc93cb1b899f7c6078f08654445fe8cf1b6ce98d8855f66bdbf4"
		refuse = "400 AccessControlListNotSupported The bucket does not allow ACLs"
	)
	document := func(grants ...string) string {
		s := "<AccessControlPolicy><Owner><ID>" + owner + "</ID></Owner><AccessControlList>"
		for _, g := range grants {
			who, what, _ := strings.Cut(g, " ")
			s += `<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">` + who + "</Grantee><Permission>" + what + "</Permission></Grant>"
		}
		return s + "</AccessControlList></AccessControlPolicy>"
	}
	me := "<ID>" + owner + "</ID> FULL_CONTROL"
	for _, place := range []string{c.bucket, c.bucket + "/d/k"} {
		c.same("get", c.said(http.MethodGet, place+"?acl", ""), theACL)
		c.same("private", c.said(http.MethodPut, place+"?acl", "", "X-Amz-Acl", "private"), "OK")
		c.same("bucket owner", c.said(http.MethodPut, place+"?acl", "", "X-Amz-Acl", "bucket-owner-full-control"), "OK")
		c.same("public", c.said(http.MethodPut, place+"?acl", "", "X-Amz-Acl", "public-read"), refuse)
		c.same("grants", c.said(http.MethodPut, place+"?acl", "", "X-Amz-Acl", "private", "X-Amz-Grant-Read", "id=x"), refuse)
		c.same("document", c.said(http.MethodPut, place+"?acl", document(me)), "OK")
		c.same("document for two", c.said(http.MethodPut, place+"?acl", document(me, me)), refuse)
		c.same("document for all", c.said(http.MethodPut, place+"?acl", document("<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI> READ")), refuse)
		c.same("document to read", c.said(http.MethodPut, place+"?acl", document("<ID>"+owner+"</ID> READ")), refuse)
		c.same("document for nobody", c.said(http.MethodPut, place+"?acl", document()), refuse)
		c.same("nothing", c.said(http.MethodPut, place+"?acl", ""), malformed)
		c.same("without a list", c.said(http.MethodPut, place+"?acl", "<AccessControlPolicy/>"), malformed)
		c.same("get by nobody", c.anonymous(http.MethodGet, place+"?acl"), http.StatusForbidden)
		c.same("put by nobody", c.anonymous(http.MethodPut, place+"?acl"), http.StatusForbidden)
	}
	c.same("missing key", c.said(http.MethodPut, c.bucket+"/none?acl", "", "X-Amz-Acl", "private"), "404 NoSuchKey The specified key does not exist.")
	c.same("missing key", c.said(http.MethodGet, c.bucket+"/none?acl", ""), "404 NoSuchKey The specified key does not exist.")
	c.same("missing bucket", c.said(http.MethodPut, "no-such-bucket?acl", "", "X-Amz-Acl", "private"), "404 NoSuchBucket The specified bucket does not exist")
}

func policyStatus(c *client) {
	const public = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::BUCKET/*"]CONDITION}]}`
	for condition, want := range map[string]string{
		"": "PolicyStatus(IsPublic(true))",
		`,"Condition":{"IpAddress":{"aws:SourceIp":["192.0.2.0/24"]}}`: "PolicyStatus(IsPublic(false))",
	} {
		p := strings.NewReplacer("BUCKET", c.bucket, "CONDITION", condition).Replace(public)
		c.expect(http.StatusNoContent, "", http.MethodPut, c.bucket+"?policy", []byte(p))
		c.same("status", c.said(http.MethodGet, c.bucket+"?policyStatus", ""), want)
	}
}
