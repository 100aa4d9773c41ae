package front

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the entity tag of S3
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"juicefs/pkg/checksum"
)

// signedBody is a body in signed chunks, laid out here by the protocol alone, so that it can be broken wherever one likes.
type signedBody struct {
	seed    string // signature of the request
	data    []byte
	chunks  []signedChunk // the last one is empty
	trailer string        // "name:value"; empty: there is none
	signed  string        // signature of the trailer
}

type signedChunk struct {
	data      []byte
	signature string
	end       string // what follows the data, in place of the end of the line
}

// chainOf signs data that is cut into chunks of the given sizes, the last of which is repeated.
func chainOf(seed string, data []byte, trailer string, sizes ...int) *signedBody {
	b := &signedBody{seed: seed, data: data, trailer: trailer}
	for k, rest := 0, data; ; k++ {
		n := min(max(sizes[min(k, len(sizes)-1)], 1), len(rest))
		b.chunks = append(b.chunks, signedChunk{data: rest[:n]})
		if rest = rest[n:]; n == 0 {
			break
		}
	}
	b.sign(0)
	return b
}

// sign signs everything from a chunk on, over what is before it.
func (b *signedBody) sign(from int) {
	hash := func(p []byte) string { s := sha256.Sum256(p); return hex.EncodeToString(s[:]) }
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	key := []byte("AWS4" + exampleSecret)
	for part := range strings.SplitSeq(exampleScope, "/") {
		key = mac(key, part)
	}
	sign := func(what, previous, signed string) string {
		return hex.EncodeToString(mac(key, what+"\n"+exampleDate+"\n"+exampleScope+"\n"+previous+"\n"+signed))
	}
	previous := b.seed
	for k := range b.chunks {
		if c := &b.chunks[k]; k >= from {
			c.signature = sign("AWS4-HMAC-SHA256-PAYLOAD", previous, hash(nil)+"\n"+hash(c.data))
		}
		previous = b.chunks[k].signature
	}
	b.signed = sign("AWS4-HMAC-SHA256-TRAILER", previous, hash([]byte(b.trailer+"\n")))
}

// bytes is what the client sends.
func (b *signedBody) bytes() []byte {
	var out bytes.Buffer
	for _, c := range b.chunks {
		fmt.Fprintf(&out, "%x;chunk-signature=%s\r\n%s", len(c.data), c.signature, c.data)
		if len(c.data) > 0 {
			out.WriteString(cmp.Or(c.end, "\r\n"))
		}
	}
	if b.trailer != "" {
		fmt.Fprintf(&out, "%s\r\nx-amz-trailer-signature:%s\r\n", b.trailer, b.signed)
	}
	out.WriteString("\r\n")
	return out.Bytes()
}

// decoder is what reads a body of size bytes of data, of which name is the trailer.
func decoder(body []byte, size int64, name, seed string) *chunks {
	return newChunks(io.NopCloser(bytes.NewReader(body)), size, name, example(seed))
}

// readAtOnce reads a body whose signatures are compared before data is handed on.
func readAtOnce(body []byte, size int64, name, seed string) ([]byte, string) {
	data, err := io.ReadAll(decoder(body, size, name, seed))
	return data, failedAs(err)
}

// reader reads a body of which a chain compares the signatures, as the layer does: whole pages go to goroutines.
type reader struct {
	pair bool
	page int
	took func(*Chain) // looks at the chain at the end
}

func (l reader) read(body []byte, size int64, name, seed string) (data, sum []byte, code string) {
	c := decoder(body, size, name, seed)
	b := &Body{req: &http.Request{Body: c}, size: size, coded: c}
	var pair *checksum.Pair
	if l.pair {
		pair = checksum.NewPair()
	}
	chain := newChain(c, pair)
	d := checksum.NewDigest(-1, chain.Writers(), nil)
	var err error
	for err == nil {
		page, n := make([]byte, l.page), 0
		for n < len(page) && err == nil {
			var m int
			m, err = b.Read(page[n:])
			n += m
		}
		data = append(data, page[:n]...)
		if n > 0 {
			d.Share(page[:n], func() {})
		}
	}
	d.Wait()
	if l.took != nil {
		l.took(chain)
	}
	if f := chain.Mismatch(); f != nil {
		return data, nil, f.Code
	}
	if err != io.EOF { //nolint:errorlint // io.EOF is never wrapped
		return data, nil, failedAs(err)
	}
	sum, f := chain.Settle()
	if f == nil {
		if f = b.Check(checksum.Sum{}); f != nil {
			return data, nil, "after settling: " + f.Code
		}
		return data, sum, ""
	}
	if b.Check(checksum.Sum{}) == nil {
		return data, nil, "taken without settling"
	}
	return data, nil, f.Code
}

// readers are all ways to read with a chain.
func readers(page int) map[string]reader {
	return map[string]reader{"jointly": {pair: true, page: page}, "apart": {page: page}}
}

// sameVerdict reads a body in all ways and returns the verdict.
func sameVerdict(t *testing.T, body []byte, size int64, name, seed string, page int) string {
	t.Helper()
	data, want := readAtOnce(body, size, name, seed)
	for way, l := range readers(page) {
		got, sum, code := l.read(body, size, name, seed)
		if code != want {
			t.Fatalf("%s, pages of %d: got %q, at once %q", way, page, code, want)
		}
		if code != "" {
			continue
		}
		if !bytes.Equal(got, data) {
			t.Fatalf("%s, pages of %d: other data", way, page)
		}
		if md := md5.Sum(data); !bytes.Equal(sum, md[:]) { //nolint:gosec // the entity tag of S3
			t.Fatalf("%s, pages of %d: got MD5 %x, want %x", way, page, sum, md)
		}
	}
	return want
}

func random(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64() //nolint:gosec // printed
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // to be repeated
}

func randomData(r *rand.Rand, n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

// TestChainTakesWhatIsRight cuts data in all ways that clients might.
func TestChainTakesWhatIsRight(t *testing.T) {
	t.Parallel()
	r := random(t)
	for _, c := range []struct {
		size  int
		sizes []int
	}{
		{1, []int{1}},
		{5000, []int{1}},
		{300_000, []int{63, 64, 65, 1, 128, 100_000, 7}},
		{200_000, []int{16}}, // more chunks in a page than may wait
		{3<<20 + 17, []int{64 << 10}},
		{3<<20 + 17, []int{99_991}},
		{2 << 20, []int{8 << 10}},
		{20 << 20, []int{16 << 20}},
		{1 << 20, []int{1 << 20}},
		{1<<20 + 1, []int{1 << 20}},
	} {
		for _, trailer := range []string{"", "x-amz-checksum-crc32:AAAAAA=="} {
			name, _, _ := strings.Cut(trailer, ":")
			body := chainOf(plainSeed, randomData(r, c.size), trailer, c.sizes...).bytes()
			page := 1 + r.IntN(1<<20)
			if code := sameVerdict(t, body, int64(c.size), name, plainSeed, page); code != "" {
				t.Errorf("%d bytes in chunks of %d: got %s", c.size, c.sizes, code)
			}
		}
	}
	for range 60 {
		data := randomData(r, 1+r.IntN(300_000))
		var sizes []int
		for range 1 + r.IntN(40) {
			sizes = append(sizes, 1+r.IntN(1+r.IntN(len(data))))
		}
		if code := sameVerdict(t, chainOf(plainSeed, data, "", sizes...).bytes(), int64(len(data)), "", plainSeed, 1+r.IntN(len(data))); code != "" {
			t.Errorf("%d bytes in chunks of %d: got %s", len(data), sizes, code)
		}
	}
}

// TestChainAndReaderShareTheWork: of more chunks than may wait, each compares some.
func TestChainAndReaderShareTheWork(t *testing.T) {
	t.Parallel()
	const chunks = 10 * maxLate
	body := chainOf(plainSeed, make([]byte, 16*chunks), "", 16).bytes()
	for way, l := range readers(4 * maxLate * 16) {
		l.took = func(c *Chain) {
			if c.compared < maxLate || c.compared > chunks-maxLate {
				t.Errorf("%s: the chain compared %d of %d", way, c.compared, chunks)
			}
		}
		if _, _, code := l.read(body, 16*chunks, "", plainSeed); code != "" {
			t.Errorf("%s: %s", way, code)
		}
	}
}

// breaks are what may be wrong with a body, and how that is answered.
var breaks = []struct {
	name  string
	wreck func(b *signedBody, r *rand.Rand)
	want  string
}{
	{"first chunk", func(b *signedBody, _ *rand.Rand) { flip(&b.chunks[0].signature) }, "SignatureDoesNotMatch"},
	{"a chunk", func(b *signedBody, r *rand.Rand) { flip(&b.chunks[r.IntN(len(b.chunks)-1)].signature) }, "SignatureDoesNotMatch"},
	{"last chunk with data", func(b *signedBody, _ *rand.Rand) { flip(&b.chunks[len(b.chunks)-2].signature) }, "SignatureDoesNotMatch"},
	{"last chunk", func(b *signedBody, _ *rand.Rand) { flip(&b.chunks[len(b.chunks)-1].signature) }, "SignatureDoesNotMatch"},
	{"signature in capitals", func(b *signedBody, _ *rand.Rand) { b.chunks[1].signature = strings.ToUpper(b.chunks[1].signature) }, "SignatureDoesNotMatch"},
	{"signature cut", func(b *signedBody, _ *rand.Rand) { b.chunks[1].signature = b.chunks[1].signature[:63] }, "IncompleteBody"},
	{"a byte of data", func(b *signedBody, r *rand.Rand) {
		c := &b.chunks[r.IntN(len(b.chunks)-1)]
		c.data = bytes.Clone(c.data)
		c.data[r.IntN(len(c.data))] ^= 1 << r.IntN(8)
	}, "SignatureDoesNotMatch"},
	{"the last byte of data", func(b *signedBody, _ *rand.Rand) {
		c := &b.chunks[len(b.chunks)-2]
		c.data = bytes.Clone(c.data)
		c.data[len(c.data)-1] ^= 1
	}, "SignatureDoesNotMatch"},
	{"chunks swapped", func(b *signedBody, _ *rand.Rand) { b.chunks[0], b.chunks[1] = b.chunks[1], b.chunks[0] }, "SignatureDoesNotMatch"},
	{"data of chunks swapped", func(b *signedBody, _ *rand.Rand) {
		b.chunks[0].data, b.chunks[1].data = b.chunks[1].data, b.chunks[0].data
	}, "SignatureDoesNotMatch"},
	{"a chunk twice, another not", func(b *signedBody, _ *rand.Rand) { b.chunks[2] = b.chunks[1] }, "SignatureDoesNotMatch"},
	{"first chunk wrong, all others signed after it", func(b *signedBody, _ *rand.Rand) {
		flip(&b.chunks[0].signature)
		b.sign(1)
	}, "SignatureDoesNotMatch"},
	{"a chunk wrong, all others signed after it", func(b *signedBody, r *rand.Rand) {
		k := r.IntN(len(b.chunks) - 1)
		flip(&b.chunks[k].signature)
		b.sign(k + 1)
	}, "SignatureDoesNotMatch"},
	{"all of another request", func(b *signedBody, _ *rand.Rand) {
		b.seed = trailerSeed
		b.sign(0)
	}, "SignatureDoesNotMatch"},
	{"no last chunk", func(b *signedBody, _ *rand.Rand) { b.chunks = b.chunks[:len(b.chunks)-1] }, "IncompleteBody"},
	{"surplus data, signed", func(b *signedBody, _ *rand.Rand) {
		b.chunks = append(b.chunks[:len(b.chunks)-1], signedChunk{data: []byte("surplus")}, signedChunk{})
		b.sign(0)
	}, "IncompleteBody"},
	{"less data, signed", func(b *signedBody, _ *rand.Rand) {
		b.chunks = b.chunks[1:]
		b.sign(0)
	}, "IncompleteBody"},
	{"a wrong chunk, then less data", func(b *signedBody, _ *rand.Rand) {
		flip(&b.chunks[0].signature)
		b.chunks = b.chunks[:2]
	}, "SignatureDoesNotMatch"},
	{"a chunk without its end", func(b *signedBody, _ *rand.Rand) { b.chunks[1].end = "\n\n" }, "IncompleteBody"},
	{"a wrong chunk without its end", func(b *signedBody, _ *rand.Rand) {
		flip(&b.chunks[1].signature)
		b.chunks[1].end = "\n\n"
	}, "IncompleteBody"},
	{"a wrong chunk, then one without its end", func(b *signedBody, _ *rand.Rand) {
		flip(&b.chunks[1].signature)
		b.chunks[2].end = "\n\n"
	}, "SignatureDoesNotMatch"},
	{"signature of the trailer", func(b *signedBody, _ *rand.Rand) { flip(&b.signed) }, "SignatureDoesNotMatch"},
	{"value of the trailer", func(b *signedBody, _ *rand.Rand) { b.trailer = "x-amz-checksum-crc32:AAAABA==" }, "SignatureDoesNotMatch"},
	{"no trailer", func(b *signedBody, _ *rand.Rand) { b.trailer = "" }, "MalformedTrailerError"},
	{"a wrong chunk and no trailer", func(b *signedBody, _ *rand.Rand) {
		flip(&b.chunks[1].signature)
		b.trailer = ""
	}, "SignatureDoesNotMatch"},
}

// flip changes a digit, to another one.
func flip(s *string) {
	b := []byte(*s)
	if b[17]++; b[17] > '9' {
		b[17] = '0'
	}
	*s = string(b)
}

// TestChainRefuses breaks bodies in every way and reads them in every way.
func TestChainRefuses(t *testing.T) {
	t.Parallel()
	r := random(t)
	const trailer = "x-amz-checksum-crc32:AAAAAA=="
	name, _, _ := strings.Cut(trailer, ":")
	for _, size := range []int{1, 64, 1000, 64 << 10} {
		data := randomData(r, 4*size+max(size/2, 1))
		for _, c := range breaks {
			b := chainOf(plainSeed, data, trailer, size)
			if c.wreck(b, r); b.trailer == trailer && bytes.Equal(b.bytes(), chainOf(plainSeed, data, trailer, size).bytes()) {
				continue // equal bytes were swapped
			}
			for _, page := range []int{1 + size/100 + r.IntN(size), 1 << 20} {
				if got := sameVerdict(t, b.bytes(), int64(len(data)), name, plainSeed, page); got != c.want {
					t.Errorf("%s, chunks of %d: got %q, want %q", c.name, size, got, c.want)
				}
			}
		}
	}
}

// TestChainOfACutBody cuts a body, and breaks a byte of it, at random.
func TestChainOfACutBody(t *testing.T) {
	t.Parallel()
	r := random(t)
	for range 200 {
		data := randomData(r, 1+r.IntN(20_000))
		body := chainOf(plainSeed, data, "", 1+r.IntN(1+r.IntN(4000))).bytes()
		wrong, cut := bytes.Clone(body), r.IntN(len(body)-2) // the last line may be missing
		wrong[r.IntN(len(wrong)-2)] ^= 1 << r.IntN(8)
		page := 1 + r.IntN(len(data))
		for what, b := range map[string][]byte{"cut": body[:cut], "wrong": wrong, "both": wrong[:cut]} {
			if code := sameVerdict(t, b, int64(len(data)), "", plainSeed, page); code == "" {
				// A size may be written in capitals.
				if what == "cut" || !bytes.EqualFold(b, body[:len(b)]) {
					t.Errorf("%s is taken", what)
				}
			}
		}
	}
}

// TestChainStopsTheReader: who sends a wrong chunk does not get the rest of the body stored.
func TestChainStopsTheReader(t *testing.T) {
	t.Parallel()
	data := make([]byte, 1<<20)
	b := chainOf(plainSeed, data, "", 1000)
	flip(&b.chunks[0].signature)
	c := decoder(b.bytes(), int64(len(data)), "", plainSeed)
	body := &Body{req: &http.Request{Body: c}, coded: c}
	chain := newChain(c, checksum.NewPair())
	p := make([]byte, 1000)
	n, err := io.ReadFull(body, p)
	if err != nil {
		t.Fatal(err)
	}
	if n, err = chain.Writers()[0].Write(p[:n]); n != 1000 || err != nil {
		t.Fatal(n, err)
	}
	for range 2 {
		if n, err = body.Read(p); n > 0 || failedAs(err) != "SignatureDoesNotMatch" {
			t.Errorf("got %d bytes, %v", n, err)
		}
	}
	if f := chain.Mismatch(); f == nil || f.Status != http.StatusForbidden {
		t.Errorf("got %v", f)
	}
}

// TestChainIsBounded: of chunks that nobody compares, few wait, and the reader does not wait for anybody.
func TestChainIsBounded(t *testing.T) {
	t.Parallel()
	data := bytes.Repeat([]byte("a"), 20*maxLate)
	raw := chainOf(plainSeed, data, "", 1).bytes()
	c := decoder(raw, int64(len(data)), "", plainSeed)
	b := &Body{req: &http.Request{Body: c}, coded: c}
	chain := newChain(c, checksum.NewPair())
	got, err := io.ReadAll(b)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
	if len(chain.queue) != maxLate || cap(chain.queue) != maxLate {
		t.Errorf("%d chunks wait", len(chain.queue))
	}
	if _, f := chain.Settle(); f == nil || b.Check(checksum.Sum{}) == nil {
		t.Error("settled although nothing was compared")
	}
	_, _ = chain.Writers()[0].Write(got)
	sum, f := chain.Settle()
	if want := md5.Sum(data); f != nil || !bytes.Equal(sum, want[:]) { //nolint:gosec // the entity tag of S3
		t.Errorf("got %x, %v", sum, f)
	}
	if f := b.Check(checksum.Sum{}); f != nil {
		t.Errorf("got %v", f)
	}
}

// TestNothingCountsUnsettled: data that was read to its end without the chain having compared all of it, and it alone, is
// never taken.
func TestNothingCountsUnsettled(t *testing.T) {
	t.Parallel()
	r := random(t)
	data := randomData(r, 10_000)
	raw := chainOf(plainSeed, data, "", 1000).bytes()
	for name, write := range map[string]func(w io.Writer){
		"nothing":       func(io.Writer) {},
		"not the end":   func(w io.Writer) { _, _ = w.Write(data[:9999]) },
		"not the start": func(w io.Writer) { _, _ = w.Write(data[1:]) },
		"other data":    func(w io.Writer) { _, _ = w.Write(make([]byte, len(data))) },
		"all twice":     func(w io.Writer) { _, _ = w.Write(data); _, _ = w.Write(data) },
		"more":          func(w io.Writer) { _, _ = w.Write(data); _, _ = w.Write([]byte("x")) },
		"other order": func(w io.Writer) {
			_, _ = w.Write(data[1000:2000])
			_, _ = w.Write(data[:1000])
			_, _ = w.Write(data[2000:])
		},
	} {
		for _, early := range []bool{false, true} {
			c := decoder(raw, int64(len(data)), "", plainSeed)
			b := &Body{req: &http.Request{Body: c}, coded: c}
			chain := newChain(c, checksum.NewPair())
			w := chain.Writers()[0]
			if early {
				write(w) // before the body has told of anything
			}
			got, err := io.ReadAll(b)
			if !early {
				write(w)
			}
			if err == nil && !bytes.Equal(got, data) {
				t.Errorf("%s: other data", name)
			}
			if b.Check(checksum.Sum{}) == nil {
				t.Errorf("%s, early %v: taken before it has settled", name, early)
			}
			if sum, f := chain.Settle(); f == nil || sum != nil {
				t.Errorf("%s, early %v: settled", name, early)
			}
			if b.Check(checksum.Sum{}) == nil {
				t.Errorf("%s, early %v: taken", name, early)
			}
		}
	}
}

// TestNothingCountsWithoutItsEnd: whoever takes all data and not the error that comes with the last of it gets no verdict.
func TestNothingCountsWithoutItsEnd(t *testing.T) {
	t.Parallel()
	data := make([]byte, 5000)
	for name, wreck := range map[string]func(b *signedBody){
		"last chunk":               func(b *signedBody) { flip(&b.chunks[len(b.chunks)-1].signature) },
		"signature of the trailer": func(b *signedBody) { flip(&b.signed) },
		"no last chunk":            func(b *signedBody) { b.chunks = b.chunks[:len(b.chunks)-1] },
	} {
		raw := chainOf(plainSeed, data, "x-amz-checksum-crc32:AAAAAA==", 1000)
		wreck(raw)
		c := decoder(raw.bytes(), int64(len(data)), "x-amz-checksum-crc32", plainSeed)
		b := &Body{req: &http.Request{Body: c}, coded: c}
		chain := newChain(c, checksum.NewPair())
		got, err := io.ReadAll(b)
		if err == nil || !bytes.Equal(got, data) {
			t.Errorf("%s: got %d bytes, %v", name, len(got), err)
		}
		_, _ = chain.Writers()[0].Write(got)
		if sum, f := chain.Settle(); f == nil || sum != nil || b.Check(checksum.Sum{}) == nil {
			t.Errorf("%s: settled", name)
		}
	}
}

// TestOnlyBodyReadsWithAChain: whoever else reads the request's body does not get data that nobody has compared.
func TestOnlyBodyReadsWithAChain(t *testing.T) {
	t.Parallel()
	data := make([]byte, bigBody)
	raw := chainOf(plainSeed, data, "", 64<<10).bytes()
	open := func(size int64) *Body {
		c := decoder(raw, int64(len(data)), "", plainSeed)
		return &Body{req: &http.Request{Body: c}, size: size, coded: c}
	}
	b := open(bigBody)
	chain := b.Defer()
	if chain == nil || b.Defer() != nil {
		t.Fatal("there must be one chain")
	}
	if n, err := b.Read(make([]byte, 100)); n == 0 || err != nil {
		t.Errorf("body: got %d bytes, %v", n, err)
	}
	for range 2 {
		if n, err := b.req.Body.Read(make([]byte, 100)); n > 0 || failedAs(err) != "InternalError" {
			t.Errorf("somebody: got %d bytes, %v", n, err)
		}
	}
	if n, err := b.Read(make([]byte, 100)); n > 0 || err == nil {
		t.Errorf("body, after somebody: got %d bytes, %v", n, err)
	}
	if open(bigBody-1).Defer() != nil {
		t.Error("a small body has a chain")
	}
	if b = open(bigBody); true {
		if _, err := b.Read(make([]byte, 1)); err != nil || b.Defer() != nil {
			t.Errorf("there is a chain for data that has gone before, %v", err)
		}
	}
	unsigned := newChunks(io.NopCloser(strings.NewReader("")), bigBody, "", nil)
	if (&Body{size: bigBody, coded: unsigned}).Defer() != nil || (&Body{size: bigBody}).Defer() != nil {
		t.Error("there is a chain where nothing is signed")
	}
}

// TestChainAfterABrokenConnection: what came before the end of the connection is what is answered.
func TestChainAfterABrokenConnection(t *testing.T) {
	t.Parallel()
	gone := errors.New("connection is gone")
	b := chainOf(plainSeed, make([]byte, 5000), "", 1000)
	for _, want := range []string{gone.Error(), "SignatureDoesNotMatch"} {
		raw := b.bytes()
		c := newChunks(io.NopCloser(io.MultiReader(bytes.NewReader(raw[:4000]), iotest.ErrReader(gone))), 5000, "", example(plainSeed))
		body := &Body{req: &http.Request{Body: c}, coded: c}
		chain := newChain(c, checksum.NewPair())
		data, err := io.ReadAll(body)
		if !errors.Is(err, gone) {
			t.Errorf("got %v", err)
		}
		_, _ = chain.Writers()[0].Write(data)
		if f := chain.Mismatch(); f != nil {
			err = f
		}
		if got := failedAs(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		flip(&b.chunks[1].signature) // for the second time
	}
}

// FuzzChain: whatever comes, a chain says what is said at once.
func FuzzChain(f *testing.F) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 40)
	for _, size := range []int{2, 64, 100, 640} {
		f.Add(chainOf(plainSeed, data, "x-amz-checksum-crc32:AAAAAA==", size).bytes(), int64(len(data)), true, uint16(size))
		f.Add(chainOf(plainSeed, data, "", size).bytes(), int64(len(data)), false, uint16(size+1))
	}
	f.Fuzz(func(t *testing.T, body []byte, size int64, trailer bool, page uint16) {
		name := ""
		if trailer {
			name = "x-amz-checksum-crc32"
		}
		sameVerdict(t, body, max(size, 0), name, plainSeed, 1+int(page))
	})
}

// FuzzBrokenChain signs random chunks and then changes a byte, or swaps, or cuts: what is said at once is what a chain says,
// and only the body as it was signed is taken.
func FuzzBrokenChain(f *testing.F) {
	f.Add(uint64(1), uint16(3000), uint16(100), uint32(500), byte(0), uint32(0), uint16(64))
	f.Add(uint64(2), uint16(60000), uint16(1), uint32(5), byte(1), uint32(0), uint16(5000))
	f.Add(uint64(3), uint16(60000), uint16(40000), uint32(50), byte(8), uint32(300), uint16(1))
	f.Fuzz(func(t *testing.T, seed uint64, size, most uint16, at uint32, change byte, cut uint32, page uint16) {
		r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // to be repeated
		data := randomData(r, 1+int(size))
		sizes := make([]int, 8)
		for k := range sizes {
			sizes[k] = 1 + r.IntN(1+int(most))
		}
		whole := chainOf(plainSeed, data, "", sizes...).bytes()
		body := bytes.Clone(whole)
		body[int(at)%len(body)] ^= change
		body = body[:len(body)-int(cut)%len(body)]
		code := sameVerdict(t, body, int64(len(data)), "", plainSeed, 1+int(page))
		if same := len(body) >= len(whole)-2 && bytes.Equal(body, whole[:len(body)]); same != (code == "") && !bytes.EqualFold(body, whole[:len(body)]) {
			t.Errorf("got %q, as it was signed: %v", code, same)
		}
	})
}
