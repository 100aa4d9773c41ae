package s3

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/minio/minio-go/v7/pkg/s3utils"
)

// address is where a bucket is. The forms that its text may have are those of juicefs 1.4.1.
type address struct {
	scheme  string // "http" or "https"
	host    string // of the endpoint, with its port; empty: AWS, where region says the rest
	bucket  string
	region  string // empty: to be asked for
	virtual bool   // the bucket is a part of the host's name, not of the path
	amazon  bool
	query   url.Values // options
}

const defaultRegion = "us-east-1"

var (
	// amazonHost takes a name of AWS apart: bucket, endpoint, region. The bucket may be missing, the region too.
	amazonHost = regexp.MustCompile(`^(?:(.+)\.)?(s3(?:-fips)?(?:[.-]dualstack)?(?:[.-]([a-z]{2}(?:-[a-z]+)+-[0-9]+))?\.amazonaws\.com(?:\.cn)?)$`)
	// privateLink takes a name of an AWS interface endpoint apart.
	privateLink = regexp.MustCompile(`^([^.]+)\.(vpce-.*[.-]([a-z]{2}(?:-[a-z]+)+-[0-9]+)\.vpce\.amazonaws\.com(?:\.cn)?)$`)
	// regionHosts are names of other stores that tell their region.
	regionHosts = []*regexp.Regexp{
		regexp.MustCompile(`\.compat\.objectstorage\.([a-z0-9-]+)\.oraclecloud\.com$`),
		regexp.MustCompile(`(?:^|\.)s3\.([a-z0-9-]+)\.(?:io\.|perf\.)?cloud\.ovh\.(?:net|us)$`),
	}
)

// parse takes the address of a bucket on S3 or a compatible store apart:
//
//	https://BUCKET.s3.REGION.amazonaws.com        AWS
//	https://s3.REGION.amazonaws.com/BUCKET        AWS
//	BUCKET                                        AWS, the region is asked for
//	BUCKET.vpce-ID.s3.REGION.vpce.amazonaws.com   AWS private link
//	http[s]://BUCKET.ENDPOINT                     a compatible store
//	http[s]://ENDPOINT/BUCKET                     a compatible store
//
// Without a scheme it is https for AWS, else http. getenv is asked for JFS_S3_VHOST_STYLE and for the region.
func parse(text string, getenv func(string) string) (*address, error) {
	bare, _, _ := strings.Cut(text, "?")
	onlyBucket := !strings.ContainsAny(bare, "./:")
	if onlyBucket || !strings.Contains(bare, "://") && strings.Contains(bare, ".amazonaws.com") {
		text = "https://" + text
	}
	a, path, err := split(text)
	if err != nil {
		return nil, err
	}
	path, _, _ = strings.Cut(path, "/")
	name := hostname(a.host)
	switch {
	case onlyBucket:
		a.bucket, a.host, a.amazon, a.virtual = a.host, "", true, true
	case privateLink.MatchString(name):
		m := privateLink.FindStringSubmatch(name)
		a.bucket, a.region, a.amazon, a.virtual = m[1], m[3], true, true
		a.host = strings.TrimPrefix(a.host, m[1]+".")
	case amazonHost.MatchString(name):
		m := amazonHost.FindStringSubmatch(name)
		a.bucket, a.region, a.amazon = m[1], m[3], true
		a.host = strings.TrimPrefix(a.host, m[1]+".")
		if a.bucket == "" {
			a.bucket = path
		}
		if a.region == "" {
			a.host = "" // the global name serves every region by redirection only
		}
		// The certificates of AWS are for one label in front.
		a.virtual = !strings.Contains(a.bucket, ".")
	default:
		a.bucket = path
		_, noAddr := netip.ParseAddr(name)
		if label, rest, ok := strings.Cut(a.host, "."); ok && path == "" && noAddr != nil {
			a.bucket, a.host = label, rest
		}
		a.virtual = on(getenv("JFS_S3_VHOST_STYLE"))
		a.region = otherRegion(hostname(a.host), getenv)
	}
	if err = a.check(); err != nil {
		return nil, err
	}
	return a, nil
}

// parseMinIO takes the address of a bucket on a MinIO server apart: [http[s]://]HOST:PORT[/minio]/BUCKET[?region=REGION].
// getenv is asked for MINIO_REGION.
func parseMinIO(text string, getenv func(string) string) (*address, error) {
	a, path, err := split(text)
	if err != nil {
		return nil, err
	}
	if rest, ok := strings.CutPrefix(path, "minio/"); ok && rest != "" {
		path = rest
	}
	a.bucket, _, _ = strings.Cut(path, "/")
	for _, region := range []string{a.query.Get("region"), getenv("MINIO_REGION"), defaultRegion} {
		if a.region == "" {
			a.region = region
		}
	}
	if err = a.check(); err != nil {
		return nil, err
	}
	return a, nil
}

// split takes a URL apart into what every form has, and its path. Without a scheme it is of http.
func split(text string) (a *address, path string, err error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		// The error of url.Parse repeats the text, in which there may be a password.
		return nil, "", errors.New("address of the bucket is not a URL")
	}
	if u.User != nil {
		return nil, "", errors.New("address of the bucket has a user: credentials have options of their own")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, "", fmt.Errorf("address of the bucket has the scheme %s: it is http or https", u.Scheme)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, "", fmt.Errorf("options in the address of the bucket: %w", err)
	}
	return &address{scheme: u.Scheme, host: u.Host, query: query}, strings.TrimPrefix(u.Path, "/"), nil
}

func (a *address) check() error {
	if a.host == "" && !a.amazon {
		return errors.New("address of the bucket has no host")
	}
	if a.bucket == "" {
		return fmt.Errorf("address of the bucket names no bucket: neither in front of the host's name nor behind %s/", a.host)
	}
	if err := s3utils.CheckValidBucketName(a.bucket); err != nil {
		return fmt.Errorf("bucket %q: %w", a.bucket, err)
	}
	return nil
}

// hostname returns a host without its port.
func hostname(host string) string { return (&url.URL{Host: host}).Hostname() }

func on(text string) bool { return text != "" && text != "0" && !strings.EqualFold(text, "false") }

func otherRegion(name string, getenv func(string) string) string {
	for _, re := range regionHosts {
		if m := re.FindStringSubmatch(name); m != nil {
			return m[1]
		}
	}
	return environmentRegion(getenv)
}

func environmentRegion(getenv func(string) string) string {
	for _, region := range []string{getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION")} {
		if region != "" {
			return region
		}
	}
	return defaultRegion
}

// amazonEndpoint is the host of AWS in a region.
func amazonEndpoint(region string) string {
	host := "s3." + region + ".amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		host += ".cn"
	}
	return host
}

// url returns the URL of a key; an empty key is the bucket.
func (a *address) url(host, key string, query url.Values) (*url.URL, error) {
	path := "/" + key
	if a.virtual {
		host = a.bucket + "." + host
	} else {
		path = "/" + a.bucket + path
	}
	text := a.scheme + "://" + host + s3utils.EncodePath(path)
	if len(query) > 0 {
		text += "?" + s3utils.QueryEncode(query)
	}
	return url.Parse(text)
}
