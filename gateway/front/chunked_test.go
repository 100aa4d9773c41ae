package front

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"juicefs/pkg/checksum"
)

// The example of "Signature calculations for the Authorization header: Transferring payload in multiple chunks" and the one
// with trailers, as AWS documents them.
const (
	exampleSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	exampleScope  = "20130524/us-east-1/s3/aws4_request"
	exampleDate   = "20130524T000000Z"
)

// exampleBody is 65 KiB of "a" in chunks of 64 KiB and 1 KiB with the given signatures.
func exampleBody(signatures ...string) string {
	a := strings.Repeat("a", 65536)
	return "10000;chunk-signature=" + signatures[0] + "\r\n" + a + "\r\n400;chunk-signature=" + signatures[1] + "\r\n" + a[:1024] +
		"\r\n0;chunk-signature=" + signatures[2] + "\r\n"
}

// before cuts a text in front of a mark that is in it.
func before(text, mark string) (head, tail string) {
	head, _, _ = strings.Cut(text, mark)
	return head, text[len(head):]
}

var plainExample = exampleBody("ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
	"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9")

var trailerExample = exampleBody("b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
	"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7", "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992")

const trailerLines = "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n"

// example returns a signer that goes on from a seed.
func example(seed string) *chunkSigner {
	s := &signatureV4{scope: exampleScope, signature: seed}
	return newChunkSigner(s.key(exampleSecret), exampleDate, s)
}

const (
	plainSeed   = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
	trailerSeed = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
)

// failedAs is the code of an error, empty for none.
func failedAs(err error) string {
	var f *Failure
	switch {
	case err == nil:
		return ""
	case errors.As(err, &f):
		return f.Code
	}
	return err.Error()
}

func TestChunksOfTheDocumentation(t *testing.T) {
	t.Parallel()
	_, second := before(plainExample, "400;")
	withoutLast, _ := before(plainExample, "0;chunk-signature=b6")
	for _, c := range []struct {
		name, body, seed, trailer string
		size                      int64
		want                      string // code
	}{
		{"signed", plainExample + "\r\n", plainSeed, "", 66560, ""},
		{"signed, without the last line", plainExample, plainSeed, "", 66560, ""},
		{"signed with trailer", trailerExample + trailerLines + "\r\n", trailerSeed, "x-amz-checksum-crc32c", 66560, ""},
		{"trailer as the documentation spaces it", trailerExample + strings.Replace(trailerLines, "\r\n", "\n\r\n", 1) + "\r\n", trailerSeed, "x-amz-checksum-crc32c", 66560, ""},
		{"another seed", plainExample + "\r\n", trailerSeed, "", 66560, "SignatureDoesNotMatch"},
		{"changed data", strings.Replace(plainExample, "aaa", "aab", 1) + "\r\n", plainSeed, "", 66560, "SignatureDoesNotMatch"},
		{"last signature changed", strings.Replace(plainExample, "b6c6", "b6c7", 1), plainSeed, "", 66560, "SignatureDoesNotMatch"},
		{"chunks swapped", second, plainSeed, "", 1024, "SignatureDoesNotMatch"},
		{"trailer changed", trailerExample + strings.Replace(trailerLines, "sOO8", "sOO9", 1), trailerSeed, "x-amz-checksum-crc32c", 66560, "SignatureDoesNotMatch"},
		{"trailer without signature", trailerExample + "x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n", trailerSeed, "x-amz-checksum-crc32c", 66560, "MalformedTrailerError"},
		{"without its trailer", trailerExample + "\r\n", trailerSeed, "x-amz-checksum-crc32c", 66560, "MalformedTrailerError"},
		{"another trailer", trailerExample + trailerLines, trailerSeed, "x-amz-checksum-crc32", 66560, "MalformedTrailerError"},
		{"longer than promised", plainExample, plainSeed, "", 66559, "IncompleteBody"},
		{"shorter than promised", plainExample, plainSeed, "", 66561, "IncompleteBody"},
		{"cut in a chunk", plainExample[:70000-5000], plainSeed, "", 66560, "IncompleteBody"},
		{"cut before the last chunk", withoutLast, plainSeed, "", 66560, "IncompleteBody"},
		{"unsigned chunks", "5\r\nhello\r\n0\r\n\r\n", plainSeed, "", 5, "IncompleteBody"},
		{"something after the end", plainExample + "\r\nPUT", plainSeed, "", 66560, "MalformedTrailerError"},
	} {
		for _, slowly := range []bool{false, true} {
			var src io.Reader = strings.NewReader(c.body)
			if slowly {
				src = iotest.HalfReader(src)
			}
			coded := newChunks(io.NopCloser(src), c.size, c.trailer, example(c.seed))
			got, err := io.ReadAll(coded)
			if failedAs(err) != c.want {
				t.Errorf("%s: got %v, want %q", c.name, err, c.want)
				continue
			}
			if err == nil && !bytes.Equal(got, bytes.Repeat([]byte{'a'}, 66560)) {
				t.Errorf("%s: got %d other bytes", c.name, len(got))
			}
			if err == nil && c.trailer != "" {
				s, f := coded.sum()
				h := checksum.CRC32C.New()
				_, _ = h.Write(got)
				if f != nil || !s.Equal(checksum.Sum{Algorithm: checksum.CRC32C, Value: h.Sum(nil)}) {
					t.Errorf("%s: got the sum %v, %v", c.name, s, f)
				}
			}
		}
	}
}

func TestUnsignedChunks(t *testing.T) {
	t.Parallel()
	const crc = "x-amz-checksum-crc32"
	for _, c := range []struct {
		body, trailer string
		size          int64
		want          string // data, or the code in brackets
	}{
		{"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n", crc, 11, "hello world"},
		{"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\n\r\n\r\n", crc, 5, "hello"},
		{"5\r\nhello\r\n0\r\nX-Amz-Checksum-Crc32: DUoRhQ==\r\n", crc, 5, "hello"},
		{"0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", crc, 0, ""},
		{"0005\r\nhello\r\n000\r\n\r\n", "", 5, "hello"},
		{"a\r\nhellohello\r\n0\r\n\r\n", "", 10, "hellohello"},
		{"5\r\nhello\r\n0\r\n\r\n", crc, 5, "[MalformedTrailerError]"},
		{"5\r\nhello\r\n0\r\nx-amz-checksum-crc32\r\n\r\n", crc, 5, "[MalformedTrailerError]"},
		{"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:\r\n\r\n", crc, 5, "[MalformedTrailerError]"},
		{"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:a\r\nx-amz-checksum-crc32:a\r\n", crc, 5, "[MalformedTrailerError]"},
		{"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:a\r\nx-amz-meta-k:v\r\n", crc, 5, "[MalformedTrailerError]"},
		{"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:a\r\nx-amz-trailer-signature:b\r\n", crc, 5, "[MalformedTrailerError]"},
		{"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:a\r\n\r\n", "", 5, "[MalformedTrailerError]"},
		{"5\r\nhello\r\n0\r\n" + strings.Repeat("\r\n", maxTrailers), "", 5, "[MalformedTrailerError]"},
		{"5\r\nhello", "", 5, "[IncompleteBody]"},
		{"5\r\nhello\r\n", "", 5, "[IncompleteBody]"},
		{"5\r\nhello0\r\n", "", 5, "[IncompleteBody]"},
		{"5\nhello\r\n0\r\n\r\n", "", 5, "[IncompleteBody]"},
		{"\r\nhello\r\n0\r\n\r\n", "", 5, "[IncompleteBody]"},
		{"-5\r\nhello\r\n0\r\n\r\n", "", 5, "[IncompleteBody]"},
		{"ffffffffffffffff\r\nhello\r\n0\r\n\r\n", "", 5, "[IncompleteBody]"},
		{"7fffffffffffffff\r\nhello\r\n0\r\n\r\n", "", 5, "[IncompleteBody]"},
		{"5;x=y\r\nhello\r\n0\r\n\r\n", "", 5, "[IncompleteBody]"},
		{strings.Repeat("0", maxChunkHeader) + "5\r\nhello", "", 5, "[IncompleteBody]"},
		{strings.Repeat("0", 9000), "", 5, "[IncompleteBody]"},
		{"", "", 0, "[IncompleteBody]"},
	} {
		got, err := io.ReadAll(newChunks(io.NopCloser(strings.NewReader(c.body)), c.size, c.trailer, nil))
		text := string(got)
		if err != nil {
			text = "[" + failedAs(err) + "]"
		}
		if text != c.want {
			t.Errorf("%q: got %q, want %q", c.body[:min(len(c.body), 60)], text, c.want)
		}
	}
}

// The last bytes are not out before everything around them is right: who knows the length does not ask for the end.
func TestTheLastByteComesLast(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"", "1\r\nx\r\n0\r\n\r\n", "0\r\nx:y\r\n"} {
		c := newChunks(io.NopCloser(strings.NewReader("5\r\nhello\r\n"+end)), 5, "", nil)
		if n, err := io.ReadFull(io.LimitReader(c, 5), make([]byte, 5)); err == nil && c.err == nil {
			t.Errorf("%q: got %d bytes without an error", end, n)
		}
	}
}

func TestErrorsOfTheConnectionStay(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection is gone")
	for _, head := range []string{"", "5\r\n", "5\r\nhello", "5\r\nhello\r\n", "5\r\nhello\r\n0\r\n"} {
		c := newChunks(io.NopCloser(io.MultiReader(strings.NewReader(head), iotest.ErrReader(broken))), 5, "", nil)
		if _, err := io.ReadAll(c); !errors.Is(err, broken) {
			t.Errorf("%q: got %v", head, err)
		}
		if _, err := c.Read(nil); !errors.Is(err, broken) {
			t.Errorf("%q: got %v later", head, err)
		}
	}
}

func TestParseV4(t *testing.T) {
	t.Parallel()
	s, ok := parseV4(algorithmV4 + " Credential=A/B/" + exampleScope + ", SignedHeaders=host;x-amz-date,Signature=00ff")
	if !ok || s != (signatureV4{accessKey: "A/B", scope: exampleScope, signature: "00ff"}) {
		t.Errorf("got %v", s)
	}
	for _, text := range []string{"", algorithmV4, algorithmV4 + " Credential=a/b,x,Signature=y", algorithmV4 + " a,b,c"} {
		if _, ok := parseV4(text); ok {
			t.Errorf("%q is taken for a signature", text)
		}
	}
}

// FuzzChunks: whatever comes, the data is never longer than promised, and what is taken for whole has the promised length.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n"), int64(5), true, false)
	f.Add([]byte(trailerExample+trailerLines), int64(66560), true, true)
	f.Add([]byte(plainExample), int64(66560), false, true)
	f.Add([]byte("ffffffffffffffff\r\n"), int64(5), false, false)
	f.Fuzz(func(t *testing.T, body []byte, size int64, trailer, signed bool) {
		name, signer := "", (*chunkSigner)(nil)
		if trailer {
			name = "x-amz-checksum-crc32"
		}
		if signed {
			signer = example(trailerSeed)
		}
		size = max(size, 0)
		got, err := io.ReadAll(newChunks(io.NopCloser(bytes.NewReader(body)), size, name, signer))
		var fail *Failure
		switch {
		case int64(len(got)) > size:
			t.Errorf("got %d bytes instead of %d", len(got), size)
		case err == nil && int64(len(got)) != size:
			t.Errorf("got %d bytes instead of %d without an error", len(got), size)
		case err != nil && !errors.As(err, &fail):
			t.Errorf("got %v", err)
		}
	})
}

// FuzzTrailers: a trailer that is taken is in the text, and nothing is taken that was not announced.
func FuzzTrailers(f *testing.F) {
	f.Add(trailerLines, "x-amz-checksum-crc32c")
	f.Add("x-amz-checksum-crc32:DUoRhQ==\n\r\n\r\n", "x-amz-checksum-crc32")
	f.Add("\r\n", "")
	f.Fuzz(func(t *testing.T, text, name string) {
		value, signature, ok := parseTrailers(text, name)
		switch {
		case !ok && (value != "" || signature != ""):
			t.Errorf("values of what is refused: %q, %q", value, signature)
		case ok && name == "" && strings.Trim(text, "\r\n") != "":
			t.Errorf("%q is taken although nothing was announced", text)
		case ok && name != "" && (value == "" || !strings.Contains(text, value)):
			t.Errorf("%q has the value %q", text, value)
		}
	})
}
