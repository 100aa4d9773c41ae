package security

import (
	"archive/zip"
	"bytes"
	"crypto/md5" //nolint:gosec // what the protocol asks for
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	miniogo "github.com/minio/minio-go/v7"

	"juicefs/pkg/tests/oracle"
)

// What the tricks are after, and what they leave where they get. The size tells what they left in a dump.
const topSecret = "the top secret of another bucket"

var planted = bytes.Repeat([]byte("p"), 4242)

// names of the secret, or of a place where only the server may write, as they may be put in a request for a bucket. They
// are as in the path of a URL; where a name is not escaped it is used without the escapes.
var trickNames = []string{
	"../victim/secret", "x/../../victim/secret", "./../victim/secret", "..//victim/secret", "/../victim/secret", "//../victim/secret",
	"..%2Fvictim%2Fsecret", "%2e%2e/victim/secret", "%2e%2e%2fvictim%2fsecret", "%252e%252e/victim/secret", "..%5Cvictim%5Csecret",
	"../victim/secret%00", "%00/../../victim/secret", "..%00/victim/secret", "..%20/victim/secret", "%20../victim/secret", "..%09/victim/secret",
	"...//victim/secret", ".../victim/secret", "..;/victim/secret", "..%3B/victim/secret", "%EF%BC%8E%EF%BC%8E/victim/secret",
	"%E2%80%A5/victim/secret", "%C0%AE%C0%AE/victim/secret", "..%EF%BC%8Fvictim/secret", "..%C0%AFvictim/secret", "..%0A/victim/secret",
	"../.minio.sys/config/config.json", "/.minio.sys/config/config.json", ".minio.sys/config/config.json", "//.minio.sys/config/config.json",
	".minio.sys%2Fconfig%2Fconfig.json", "%2Eminio.sys/config/config.json", ".minio.sys/./config/config.json", ".MINIO.SYS/config/config.json",
	".minio.sys%20/config/config.json", ".minio.sys%00/config/config.json", ".sys/../.minio.sys/config/config.json", ".sys/tmp/planted",
	"/.sys/tmp/planted", ".sys%2Ftmp%2Fplanted", ".trash/planted", ".stats", ".jfs.stats", ".accesslog", "../.stats", "",
}

// trick is a bucket's user at work, and what it got.
type trick struct {
	*side
	w       who
	bucket  string
	session string // in the web
	got     []answer
}

func (k *trick) ask(method, path string, body []byte, headers ...string) answer {
	k.t.Helper()
	if _, err := url.Parse(k.g.URL() + "/" + path); err != nil {
		return answer{}
	}
	a := k.send(k.w, method, path, body, headers...)
	k.got = append(k.got, a)
	return a
}

// everywhere puts a name into each place of a request that takes one.
func (k *trick) everywhere(name string) {
	k.t.Helper()
	plain, err := url.PathUnescape(name)
	must(k.t, err)
	at, b, query := k.bucket+"/"+name, k.bucket, url.QueryEscape(plain)
	k.ask(http.MethodGet, at, nil)
	k.ask(http.MethodHead, at, nil)
	k.ask(http.MethodGet, at+"?tagging", nil)
	k.ask(http.MethodGet, at+"?attributes", nil, "X-Amz-Object-Attributes", "ETag,ObjectSize")
	k.ask(http.MethodGet, at+"?uploadId="+query, nil)
	k.ask(http.MethodPost, at+"?select&select-type=2", []byte(selectBody))
	for _, list := range []string{"prefix", "marker", "start-after", "key-marker", "continuation-token", "delimiter"} {
		for _, kind := range []string{"", "list-type=2&", "versions&", "uploads&", "metadata=true&"} {
			k.ask(http.MethodGet, b+"?"+kind+list+"="+query, nil)
		}
	}
	for _, source := range []string{"/" + at, at, "/" + b + "/" + url.QueryEscape(name), "/" + b + "/" + plain, "/" + name, name, "//" + name} {
		if strings.ContainsAny(source, "\x00\n") {
			continue // no header can have it
		}
		k.ask(http.MethodPut, b+"/copied", nil, "X-Amz-Copy-Source", source)
		k.ask(http.MethodGet, b+"/copied", nil)
		if id, err := k.g.CoreAs(k.t, k.w.key, k.w.secret, "").NewMultipartUpload(k.t.Context(), b, "joined", miniogo.PutObjectOptions{}); err == nil {
			part := k.ask(http.MethodPut, b+"/joined?partNumber=1&uploadId="+id, nil, "X-Amz-Copy-Source", source)
			var done struct{ ETag string }
			if part.ok() && xml.Unmarshal([]byte(part.body), &done) == nil {
				k.ask(http.MethodPost, b+"/joined?uploadId="+id, fmt.Appendf(nil,
					"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag></Part></CompleteMultipartUpload>", done.ETag))
				k.ask(http.MethodGet, b+"/joined", nil)
			}
			k.ask(http.MethodDelete, b+"/joined?uploadId="+id, nil)
		}
	}
	k.ask(http.MethodPut, at, planted)
	k.ask(http.MethodPost, at+"?uploads", nil)
	k.ask(http.MethodPut, b+"/x?partNumber=1&uploadId="+query, planted)
	k.ask(http.MethodPut, at+"?tagging", []byte("<Tagging><TagSet><Tag><Key>planted</Key><Value>1</Value></Tag></TagSet></Tagging>"))
	k.ask(http.MethodPut, b+"/a.tar", planted, "X-Amz-Meta-Snowball-Auto-Extract", "true")
	if plain != "" && !strings.ContainsRune(plain, 0) {
		k.got = append(k.got, k.form(k.w, b, plain, string(planted)))
	}
	var escaped bytes.Buffer
	must(k.t, xml.EscapeText(&escaped, []byte(plain)))
	body := fmt.Appendf(nil, "<Delete><Object><Key>%s</Key></Object></Delete>", escaped.Bytes())
	sum := md5.Sum(body) //nolint:gosec // what the protocol asks for
	k.ask(http.MethodPost, b+"?delete", body, "Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
	k.ask(http.MethodDelete, at, nil)
	k.ask(http.MethodDelete, at+"?uploadId="+query, nil)
}

// browse does likewise as the file manager of the web.
func (k *trick) browse(name string) {
	k.t.Helper()
	plain, err := url.PathUnescape(name)
	must(k.t, err)
	if k.session == "" { // signed in once: passwords are limited
		k.session = k.signIn(k.w)
	}
	session, call := k.session, k.call
	once := k.once(session)
	for _, bucket := range []string{k.bucket, ".minio.sys", ".sys", "..", "../victim", k.bucket + "/../victim", ""} {
		k.got = append(k.got,
			call(session, "ListObjects", map[string]string{"bucketName": bucket, "prefix": plain}),
			call(session, "ListObjects", map[string]string{"bucketName": bucket, "prefix": "", "marker": plain}),
			call(session, "RemoveObject", map[string]any{"bucketname": bucket, "objects": []string{plain, plain + "/"}}),
			call(session, "PresignedGet", map[string]any{"bucket": bucket, "object": plain, "host": k.g.Addr, "expiry": 60}))
		zipped, err := json.Marshal(map[string]any{"bucketname": bucket, "prefix": "", "objects": []string{plain, plain + "/", "../", "/"}})
		must(k.t, err)
		k.got = append(k.got, unzipped(k.send(who{}, http.MethodPost, "minio/zip?token="+once, zipped, agent...)))
		for _, at := range []string{bucket + "/" + name, url.PathEscape(bucket) + "/" + name} {
			if _, err := url.Parse(k.g.URL() + "/" + at); err != nil {
				continue
			}
			k.got = append(k.got, k.send(who{}, http.MethodGet, "minio/download/"+at+"?token="+once, nil, agent...),
				k.send(who{}, http.MethodPut, "minio/upload/"+at, planted, append([]string{"Authorization", "Bearer " + session}, agent...)...))
		}
	}
}

// unzipped has the files of an archive for a body.
func unzipped(a answer) answer {
	r, err := zip.NewReader(strings.NewReader(a.body), int64(len(a.body)))
	if err != nil {
		return a
	}
	for _, f := range r.File {
		if c, err := f.Open(); err == nil {
			var b bytes.Buffer
			_, _ = b.ReadFrom(c) // what can be read of it
			a.body += b.String()
		}
	}
	return a
}

// TestTricksWithNames: whatever a name looks like, and wherever it stands, who may use one bucket sees and changes nothing
// else. Names are put in every place of every request that takes one.
func TestTricksWithNames(t *testing.T) {
	t.Parallel()
	for mode, flags := range map[string][]string{"many": many, "one": one} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			p := oracle.Real(t)
			stock := &side{t, oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{Name: "vol1"}), oracle.GatewayOptions{Flags: flags})}
			if seen, left := stock.tricks(mode == "many"); len(seen) == 0 || len(left) == 0 {
				t.Errorf("against the original they get nowhere, and show nothing: %q, %q", seen, left)
			}
			seen, left := ours(t, append([]string{"--s3-select"}, flags...)).tricks(mode == "many")
			for _, what := range append(seen, left...) {
				t.Error(what)
			}
		})
	}
}

// tricks plays all of them and tells what somebody saw and what was left where it must not be. It ends the gateway.
func (s *side) tricks(many bool) (seen, left []string) {
	s.t.Helper()
	own := "vol1"
	if many {
		own = "own"
		s.bucket("own")
		s.bucket("victim")
		s.put("victim", "secret", topSecret)
	}
	k := &trick{side: s, w: s.user("trickster", on(own, "s3:*")), bucket: own}
	k.ask(http.MethodPut, own+"/plain", []byte("plain"))
	if a := k.ask(http.MethodPut, own+"/copied", nil, "X-Amz-Copy-Source", "/"+own+"/plain"); !a.ok() {
		s.t.Fatalf("the user cannot use its bucket: %d %s", a.status, a.body)
	}
	for _, name := range trickNames {
		k.everywhere(name)
	}
	for _, name := range trickNames {
		k.browse(name)
	}
	for _, a := range k.got {
		for _, secret := range []string{topSecret, "trickster-secret", `"credentials"`, "credentials:_"} {
			if strings.Contains(a.body, secret) {
				seen = append(seen, fmt.Sprintf("got %d %.300q", a.status, a.body))
			}
		}
		if !s.g.Program.Original && a.status >= http.StatusInternalServerError && a.status != http.StatusNotImplemented {
			s.t.Errorf("got %d %.300q", a.status, a.body)
		}
	}
	if many && !s.has("victim", "secret", topSecret) {
		left = append(left, "the secret is gone")
	}
	s.g.Stop(s.t)
	s.g.Volume.Dump(s.t).FSTree.Walk("", func(path string, n *oracle.Node) {
		if n.Attr.Length == int64(len(planted)) && (many && !strings.HasPrefix(path, "/own/") || strings.HasPrefix(path, "/.")) {
			left = append(left, "planted "+path)
		}
	})
	return seen, left
}
