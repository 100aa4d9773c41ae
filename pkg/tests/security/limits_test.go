package security

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // what the protocol asks for
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"juicefs/pkg/tests/oracle"
)

// ours starts our gateway on a volume of its own.
func ours(t *testing.T, flags []string) *side {
	t.Helper()
	p := oracle.Ours(t)
	return &side{t, oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{Name: "vol1"}), oracle.GatewayOptions{Flags: flags})}
}

const selectBody = `<?xml version="1.0" encoding="UTF-8"?><SelectObjectContentRequest><Expression>select count(*) from S3Object</Expression>` +
	`<ExpressionType>SQL</ExpressionType><InputSerialization>%s</InputSerialization><OutputSerialization><CSV></CSV></OutputSerialization></SelectObjectContentRequest>`

func (s *side) search(object, input string) answer {
	s.t.Helper()
	return s.send(root, http.MethodPost, object+"?select&select-type=2", fmt.Appendf(nil, selectBody, input))
}

// TestRequests: requests that look like others, or cost more than they should.
func TestRequests(t *testing.T) {
	t.Parallel()
	try(t, many, []attack{
		{"S9 an address by a header", func(s *side) bool {
			s.bucket("s9-own")
			s.put("s9-own", "k", "x")
			s.fine(s.send(root, http.MethodPut, "s9-own?policy", []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},`+
				`"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::s9-own/*"],"Condition":{"IpAddress":{"aws:SourceIp":"10.9.9.9/32"}}}]}`)))
			for _, header := range [][2]string{{"X-Forwarded-For", "10.9.9.9"}, {"X-Real-Ip", "10.9.9.9"}, {"Forwarded", "for=10.9.9.9"}} {
				if s.send(who{}, http.MethodGet, "s9-own/k", nil, header[0], header[1]).ok() {
					return true
				}
			}
			return false
		}},
		{"S9 an address by a name that policies have for it", func(s *side) bool {
			s.bucket("s9-named")
			s.put("s9-named", "k", "x")
			s.fine(s.send(root, http.MethodPut, "s9-named?policy", []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},`+
				`"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::s9-named/*"],"Condition":{"IpAddress":{"aws:SourceIp":"10.9.9.9/32"}}}]}`)))
			return s.send(who{}, http.MethodGet, "s9-named/k", nil, "Sourceip", "10.9.9.9").ok() ||
				s.send(who{}, http.MethodGet, "s9-named/k?SourceIp=10.9.9.9", nil).ok() ||
				s.send(who{}, http.MethodGet, "s9-named/k?Sourceip=10.9.9.9", nil).ok()
		}},
		{"S9 a listing of more than one's own folder", func(s *side) bool {
			s.bucket("listed")
			s.put("listed", "closed/secret", "x")
			w := s.user("lister", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:ListBucket"],"Resource":["arn:aws:s3:::listed"],`+
				`"Condition":{"StringEquals":{"s3:prefix":["open/"]}}}]}`)
			s.fine(s.send(w, http.MethodGet, "listed?list-type=2&prefix=open/", nil))
			if s.send(w, http.MethodGet, "listed?list-type=2&prefix=closed/", nil).ok() {
				s.t.Fatal("the condition does not hold")
			}
			for _, a := range []answer{s.send(w, http.MethodGet, "listed?list-type=2&prefix=closed/&prefix=open/", nil),
				s.send(w, http.MethodGet, "listed?list-type=2&prefix=closed/", nil, "Prefix", "open/"),
				s.send(w, http.MethodGet, "listed?list-type=2&prefix=closed/&Prefix=open/", nil)} {
				if strings.Contains(a.body, "closed/secret") {
					return true
				}
			}
			return false
		}},
		{"S11 CVE-2026-39414 a search of lines without an end", func(s *side) bool {
			s.bucket("s11")
			s.put("s11", "k", strings.Repeat("x", 4<<20))
			a := s.search("s11/k", "<CSV></CSV>")
			return a.ok() && !strings.Contains(a.body, "error")
		}},
		{"S12 an operation that is not there empties an object", func(s *side) bool {
			s.bucket("s12")
			s.put("s12", "k", "data")
			s.send(root, http.MethodPut, "s12/k?renameObject", nil)
			return !s.has("s12", "k", "data")
		}},
		{"S21 a directory that nobody set up is dialled", func(s *side) bool {
			q := url.Values{"Action": {"AssumeRoleWithLDAPIdentity"}, "Version": {"2011-06-15"}, "LDAPUsername": {"u"}, "LDAPPassword": {"p"}}
			a := s.send(who{}, http.MethodPost, "?"+q.Encode(), nil)
			if a.status != http.StatusNotImplemented && !strings.Contains(a.body, "dial") {
				s.t.Fatalf("got %d %s", a.status, a.body)
			}
			return a.status != http.StatusNotImplemented
		}},
		{"S24 passwords are guessed", func(s *side) bool {
			for k := range 60 {
				body := fmt.Sprintf(`{"id":1,"jsonrpc":"2.0","method":"Web.Login","params":{"username":%q,"password":"guess%d"}}`, root.key, k)
				a := s.send(who{}, http.MethodPost, "minio/webrpc", []byte(body), "User-Agent", "Mozilla/5.0", "Content-Type", "application/json")
				if a.status == http.StatusServiceUnavailable {
					return false
				}
			}
			return true
		}},
		{"S26 more removals than a request may have", func(s *side) bool {
			s.bucket("s26")
			var body strings.Builder
			body.WriteString("<Delete>")
			for k := range 1001 {
				fmt.Fprintf(&body, "<Object><Key>k%d</Key></Object>", k)
			}
			body.WriteString("</Delete>")
			sum := md5.Sum([]byte(body.String())) //nolint:gosec // what the protocol asks for
			return s.send(root, http.MethodPost, "s26?delete", []byte(body.String()), "Content-Md5", base64.StdEncoding.EncodeToString(sum[:])).ok()
		}},
		{"CVE-2026-34204 a write that events do not tell of", func(s *side) bool {
			s.bucket("hidden")
			ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.g.URL()+"/hidden?events=s3:ObjectCreated:*", nil)
			must(s.t, err)
			resp, err := http.DefaultClient.Do(signed(req))
			must(s.t, err)
			defer func() { _ = resp.Body.Close() }() // it has no end
			s.send(root, http.MethodPut, "hidden/first", []byte("x"), "X-Minio-Source-Replication-Request", "true")
			if !s.has("hidden", "first", "x") {
				return false
			}
			s.put("hidden", "second", "x")
			lines := bufio.NewScanner(resp.Body)
			for lines.Scan() {
				if strings.Contains(lines.Text(), `"key":"`) {
					return strings.Contains(lines.Text(), `"key":"second"`)
				}
			}
			s.t.Fatalf("the stream of events ended: %v", lines.Err())
			return false
		}},
		{"policies for web pages that everybody may use", func(s *side) bool {
			return s.send(who{}, http.MethodGet, "crossdomain.xml", nil).ok()
		}},
	})
}

// TestSearchWithinLimits: S11 where the search is on.
func TestSearchWithinLimits(t *testing.T) {
	t.Parallel()
	s := ours(t, append(many, "--s3-select"))
	s.bucket("bucket")
	s.put("bucket", "short", strings.Repeat("1,2\n", 100<<10))
	s.put("bucket", "long", "1,2\n"+strings.Repeat("x", 2<<20))
	if a := s.search("bucket/short", "<CSV></CSV>"); !a.ok() || !strings.Contains(a.body, "102400") {
		t.Errorf("got %d %.200q", a.status, a.body)
	}
	if a := s.search("bucket/long", "<CSV></CSV>"); a.ok() && !strings.Contains(a.body, "longer than") {
		t.Errorf("a long line: got %d %.200q", a.status, a.body)
	}
	for _, input := range []string{"<CompressionType>GZIP</CompressionType><CSV></CSV>", "<Parquet></Parquet>"} {
		if a := s.search("bucket/short", input); a.status != http.StatusNotImplemented {
			t.Errorf("%s: got %d %.200q", input, a.status, a.body)
		}
	}
}

// TestS9TrustedProxies: who stands behind a proxy is known by it.
func TestS9TrustedProxies(t *testing.T) {
	t.Parallel()
	s := ours(t, append(many, "--trusted-proxies", "127.0.0.0/8"))
	s.bucket("bucket")
	s.put("bucket", "k", "x")
	s.fine(s.send(root, http.MethodPut, "bucket?policy", []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},`+
		`"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::bucket/*"],"Condition":{"IpAddress":{"aws:SourceIp":"10.9.9.9/32"}}}]}`)))
	for header, want := range map[string]int{"10.9.9.9": http.StatusOK, "10.9.9.8": http.StatusForbidden, "10.9.9.9, 10.9.9.8": http.StatusForbidden} {
		if a := s.send(who{}, http.MethodGet, "bucket/k", nil, "X-Forwarded-For", header); a.status != want {
			t.Errorf("%s: got %d, want %d", header, a.status, want)
		}
	}
}

// TestS10SlowHeaders (CVE-2022-31028): a connection that never finishes a header is closed.
func TestS10SlowHeaders(t *testing.T) {
	t.Parallel()
	p := oracle.Real(t)
	stock := oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{}), oracle.GatewayOptions{Flags: many})
	open := func(g *oracle.Gateway) net.Conn {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", g.Addr)
		must(t, err)
		t.Cleanup(func() { _ = c.Close() })
		_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
		must(t, err)
		return c
	}
	theirs, mine := open(stock), open(ours(t, many).g)
	must(t, mine.SetReadDeadline(time.Now().Add(2*time.Minute)))
	if _, err := io.Copy(io.Discard, mine); err != nil {
		t.Errorf("our gateway keeps it: %v", err)
	}
	must(t, theirs.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
	if _, err := theirs.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the original closed it, too: %v", err)
	}
}

// TestS10IdleConnections (CVE-2022-31028): a connection that has had its reply and is not used again is closed.
func TestS10IdleConnections(t *testing.T) {
	t.Parallel()
	p := oracle.Real(t)
	stock := oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{}), oracle.GatewayOptions{Flags: many})
	open := func(g *oracle.Gateway) (net.Conn, *bufio.Reader) {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", g.Addr)
		must(t, err)
		t.Cleanup(func() { _ = c.Close() })
		_, err = io.WriteString(c, "GET /minio/health/live HTTP/1.1\r\nHost: x\r\n\r\n")
		must(t, err)
		r := bufio.NewReader(c)
		resp, err := http.ReadResponse(r, nil)
		must(t, err)
		must(t, resp.Body.Close())
		return c, r
	}
	theirs, rest := open(stock)
	mine, end := open(ours(t, many).g)
	must(t, mine.SetReadDeadline(time.Now().Add(4*time.Minute)))
	if _, err := end.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("our gateway keeps it: %v", err)
	}
	must(t, theirs.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
	if _, err := rest.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the original closed it, too: %v", err)
	}
}

// TestS18SecretsAreTheOwners: what holds secrets on the volume is readable by its owner only, also what the original has left.
func TestS18SecretsAreTheOwners(t *testing.T) {
	t.Parallel()
	settings := func(v *oracle.Volume) (wide []string) {
		config := v.Dump(t).Find("/.minio.sys/config")
		if config == nil {
			t.Fatal("there is no configuration")
		}
		config.Walk("config", func(path string, n *oracle.Node) {
			if n.Attr.Mode&0o077 != 0 && (n.Attr.Type == "regular" || path == "config") { // nobody gets past the first
				wide = append(wide, path)
			}
		})
		return wide
	}
	use := func(p oracle.Program, v *oracle.Volume, user string) {
		s := &side{t, oracle.Start(t, p, v, oracle.GatewayOptions{Flags: many})}
		s.limited(user)
		s.g.Stop(t)
	}
	theirs, real := oracle.Format(t, oracle.Real(t), oracle.FormatOptions{Name: "vol1"}), oracle.Real(t)
	use(real, theirs, "s18user")
	if wide := settings(theirs); len(wide) < 2 { // the directory and files
		t.Error("the original keeps its secrets, too: this shows nothing")
	}
	mine := oracle.Format(t, oracle.Ours(t), oracle.FormatOptions{Name: "vol1"})
	use(oracle.Ours(t), mine, "s18user")
	if wide := settings(mine); len(wide) > 0 {
		t.Errorf("readable by others: %v", wide)
	}
	g := oracle.Start(t, oracle.Ours(t), theirs, oracle.GatewayOptions{Flags: many})
	oracle.Poll(t, time.Minute, func() error {
		if wide := settings(theirs); len(wide) > 0 {
			return fmt.Errorf("readable by others, as the original left it: %v", wide)
		}
		return nil
	})
	g.Stop(t)
	use(real, theirs, "s18again") // which still gets to its settings
}

// TestFormsOfNobodyAreNotKept (S26): the original takes the file of a form before it looks at who signed it, so that everybody
// fills its disk. Ours answers as soon as the fields are there.
func TestFormsOfNobodyAreNotKept(t *testing.T) {
	t.Parallel()
	const size = 40 << 20
	// kept sends a form with a signature of somebody unknown, most of its file, and returns how much of that is on the disk.
	kept := func(p oracle.Program) (n int64) {
		t.Helper()
		g := oracle.Start(t, p, oracle.Format(t, p, oracle.FormatOptions{Name: "vol1"}), oracle.GatewayOptions{Flags: many})
		s := &side{t, g}
		s.bucket("forms")
		body, kind := s.formBody(who{root.key, "not-the-secret", ""}, "forms", "k", "")
		head, _, _ := bytes.Cut(body, []byte("\r\n\r\n\r\n--")) // up to the file, which is empty
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", g.Addr)
		must(t, err)
		defer func() { _ = c.Close() }() // in the middle of a request
		_, err = fmt.Fprintf(c, "POST /forms HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n", g.Addr, kind, len(head)+4+2*size, head)
		must(t, err)
		replied := make(chan error, 1)
		go func() {
			resp, failed := http.ReadResponse(bufio.NewReader(c), nil)
			if failed == nil {
				failed = errors.Join(fmt.Errorf("got %d", resp.StatusCode), resp.Body.Close())
			}
			replied <- failed
		}()
		_, err = c.Write(make([]byte, size)) // the other side may hang up
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
			select {
			case said := <-replied:
				if said.Error() != "got 403" {
					t.Fatalf("%v, after %v", said, err)
				}
				return n
			case <-time.After(10 * time.Millisecond):
			}
			files, failed := filepath.Glob(filepath.Join(filepath.Dir(g.LogFile()), "multipart-*"))
			must(t, failed)
			for _, f := range files {
				if info, failed := os.Stat(f); failed == nil {
					n = max(n, info.Size())
				}
			}
			if n > size/2 {
				return n
			}
		}
		return n
	}
	if n := kept(oracle.Real(t)); n < size/2 {
		t.Errorf("the original keeps %d bytes: this shows nothing", n)
	}
	if n := kept(oracle.Ours(t)); n > 0 {
		t.Errorf("ours keeps %d bytes", n)
	}
}
