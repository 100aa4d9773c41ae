package front

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"juicefs/pkg/checksum"
)

// vouching is a server that finds every signature good.
type vouching struct{ Server }

func (vouching) Verify(*http.Request) *Failure { return nil }
func (vouching) Sign(*http.Request) *Failure   { return nil }
func (vouching) Identity(string) (Identity, bool) {
	return Identity{AccessKey: "A", SecretKey: exampleSecret}, true
}
func (vouching) Barred(*http.Request) bool             { return false }
func (vouching) VerifyForm(map[string]string) *Failure { return nil }

// A request without anything to decode or compare costs nothing here.
func TestPlainRequestsCostNothing(t *testing.T) {
	f := New(Options{Server: vouching{}})
	passed := 0
	h := f.bodies(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if Of(r.Context()).body == nil {
			passed++
		}
	}))
	w := &reply{ResponseWriter: httptest.NewRecorder()}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete} {
		r := httptest.NewRequestWithContext(t.Context(), method, "/b/k", strings.NewReader("hello"))
		r.Header.Set("X-Amz-Content-Sha256", unsignedPayload)
		r, _ = known(r)
		passed = 0
		if n := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); n != 0 || passed != 101 {
			t.Errorf("%s: %v allocations, %d passed", method, n, passed)
		}
	}
	if len(w.edits) > 0 || len(w.whole) > 0 {
		t.Error("the reply is to be changed")
	}
}

func TestPurposes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, target string
		header         string
		want           purpose
	}{
		{"PUT", "/b/k", "", forData}, {"PUT", "/b/k/", "", forData}, {"PUT", "/b/k?partNumber=1&uploadId=x", "", forData},
		{"PUT", "/b/k?x-id=PutObject", "", forData}, {"PUT", "/b/k?tagging", "", forText}, {"PUT", "/b/k?acl=", "", forText},
		{"PUT", "/b/k?retention", "", forText}, {"PUT", "/b/k?legal-hold", "", forText}, {"PUT", "/b", "", forText}, {"PUT", "/b/?cors", "", forText},
		{"POST", "/b?delete", "", forText}, {"POST", "/b/k?uploads", "", forText}, {"PUT", "/b/k", "X-Amz-Copy-Source", forNothing},
		{"PUT", "/b/k?partNumber=1&uploadId=x", "X-Amz-Copy-Source", forNothing}, {"PUT", "/b/k", "X-Amz-Meta-Snowball-Auto-Extract", forArchive},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.target, nil)
		if c.header != "" {
			r.Header.Set(c.header, "true")
		}
		if got := purposeOf(r); got != c.want {
			t.Errorf("%s %s: got %v, want %v", c.method, c.target, got, c.want)
		}
	}
}

func TestEncodingOfTheObjectStays(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"aws-chunked": "", "aws-chunked,gzip": "gzip", "gzip, AWS-Chunked": "gzip", "gzip,br": "gzip,br", "": "", "aws-chunked,aws-chunked": ""} {
		h := http.Header{"Content-Encoding": {in}}
		removeEncoding(h)
		if got := h.Get("Content-Encoding"); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestResultsGetTheirSum(t *testing.T) {
	t.Parallel()
	s := checksum.Sum{Algorithm: checksum.CRC32, Value: []byte{0, 0, 0, 0}, Parts: 2}
	for in, want := range map[string]string{
		"<CopyPartResult><ETag>x</ETag></CopyPartResult>":   "<CopyPartResult><ETag>x</ETag><ChecksumCRC32>AAAAAA==-2</ChecksumCRC32><ChecksumType>COMPOSITE</ChecksumType></CopyPartResult>",
		"<CopyPartResult><ETag>x</ETag></CopyPartResult>\n": "<CopyPartResult><ETag>x</ETag><ChecksumCRC32>AAAAAA==-2</ChecksumCRC32><ChecksumType>COMPOSITE</ChecksumType></CopyPartResult>\n",
		"<Error><Code>SlowDown</Code></Error>":              "<Error><Code>SlowDown</Code></Error>",
		"":                                                  "",
		"<CopyPartResult/>":                                 "<CopyPartResult/>",
	} {
		if got := string(withSum([]byte(in), s, true)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// FuzzPartSums: a list of parts never makes more sums than it has, and each is one.
func FuzzPartSums(f *testing.F) {
	f.Add([]byte("<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part></CompleteMultipartUpload>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		sums, fail := partSums(text)
		if fail != nil && sums != nil {
			t.Error("sums of what is refused")
		}
		for n, s := range sums {
			if again, err := checksum.Parse(s.Algorithm, s.String()); err != nil || !again.Equal(s) {
				t.Errorf("part %d has the sum %v", n, s)
			}
		}
	})
}
