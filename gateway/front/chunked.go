package front

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"strings"

	"juicefs/pkg/checksum"
)

// Limits of the encoding, in bytes. The chunks themselves may be of any size: nothing is kept of them.
const (
	maxChunkHeader = 1 << 10
	maxTrailers    = 4 << 10 // all of them, with the signature
)

// Buffers for what is read before it is known to be data, in bytes. The larger one has room for two chunks of the size that
// most clients use: to read each by itself takes more of the CPU, of which the client is woken each time, than a copy does.
const (
	smallBuffer = 4 << 10
	bigBuffer   = 128 << 10
)

// chunks decodes a body of the encoding "aws-chunked": chunks of data with their sizes, perhaps signed, a chunk without
// data at the end, and after it perhaps trailers. Once the data that was promised has come, it reads to the end before it
// returns the last of it, so that nobody has the whole without everything around it being right. Only with a Chain some of the
// signatures are compared later: then nobody but Body can read it.
//
// It is for one goroutine. Its errors are *Failure, but for those of the connection.
type chunks struct {
	body   io.ReadCloser // of the request
	src    *bufio.Reader
	size   int64  // of the data, as it was promised
	name   string // of the one trailer that was announced, in lower case; empty: there is none
	signer *chunkSigner

	got     int64 // bytes of data
	left    int64 // bytes of the chunk at hand
	begun   bool  // something was read
	ended   bool  // all was read and is right, but for what the signer's chain has still to compare
	open    bool  // with a chain: Body is reading
	settled bool  // the chain has compared all
	err     error // that ended it
	trailer string
}

func newChunks(body io.ReadCloser, size int64, trailer string, signer *chunkSigner) *chunks {
	buffer := smallBuffer
	if size >= bigBody {
		buffer = bigBuffer
	}
	return &chunks{body: body, src: bufio.NewReaderSize(body, buffer), size: size, name: trailer, signer: signer}
}

var (
	failCut = Failure{Status: http.StatusBadRequest, Code: "IncompleteBody", Message: "The request body terminated unexpectedly"}
	failLen = Failure{Status: http.StatusBadRequest, Code: "IncompleteBody",
		Message: "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header"}
	failChunk   = Failure{Status: http.StatusBadRequest, Code: "IncompleteBody", Message: "The chunks of the request body are not well-formed"}
	failTrailer = Failure{Status: http.StatusBadRequest, Code: "MalformedTrailerError",
		Message: "The request contained trailing data that was not well-formed or did not conform to our published schema."}
	failSignature = Failure{Status: http.StatusForbidden, Code: "SignatureDoesNotMatch",
		Message: "The request signature we calculated does not match the signature you provided. Check your key and signing method."}
)

// Read implements io.Reader.
func (c *chunks) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	c.begun = true
	n, err := 0, c.mayRead()
	if err == nil {
		n, err = c.read(p)
	}
	if err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = &failCut
		}
		c.err = err
	}
	return n, err
}

// mayRead fails if there is a chain that does not get what is read, or that has found a signature wrong.
func (c *chunks) mayRead() error {
	switch chain := c.chain(); {
	case chain == nil:
		return nil
	case !c.open:
		return &failUnsettled
	case chain.wrong.Load():
		return &failSignature
	}
	return nil
}

// chain is what compares signatures later; nil: nothing does.
func (c *chunks) chain() *Chain {
	if c.signer == nil {
		return nil
	}
	return c.signer.chain
}

func (c *chunks) read(p []byte) (int, error) {
	if c.left == 0 {
		if c.ended {
			return 0, io.EOF
		}
		if err := c.next(); err != nil {
			return 0, err
		}
		if c.ended {
			return 0, io.EOF
		}
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := c.src.Read(p[:min(int64(len(p)), c.left)])
	if err == io.EOF { //nolint:errorlint // bufio returns it bare
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return 0, err
	}
	c.left -= int64(n)
	c.got += int64(n)
	if c.signer != nil {
		c.signer.write(p[:n])
	}
	if c.left == 0 {
		if err = c.endChunk(); err == nil && c.got == c.size {
			err = c.next()
		}
	}
	return n, err
}

// Close closes the request's body.
func (c *chunks) Close() error { return c.body.Close() }

// next reads the header of a chunk; if it is the last one, the rest of the body, too.
func (c *chunks) next() error {
	line, err := c.src.ReadSlice('\n')
	switch {
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	case errors.Is(err, bufio.ErrBufferFull), err == nil && len(line) > maxChunkHeader:
		return &failChunk
	case err != nil:
		return err
	}
	size, signature, ok := parseChunkHeader(line)
	if !ok || (signature == "") != (c.signer == nil) {
		return &failChunk
	}
	if size > c.size-c.got {
		return &failLen
	}
	if c.signer != nil {
		c.signer.begin(c.got, size, signature)
	}
	if c.left = size; size > 0 {
		return nil
	}
	if c.signer != nil && !c.signer.check() {
		return &failSignature
	}
	if c.got != c.size {
		return &failLen
	}
	if err := c.end(); err != nil {
		return err
	}
	c.ended = true
	return nil
}

// parseChunkHeader reads "1000" or "1000;chunk-signature=<64 digits>", with the end of the line.
func parseChunkHeader(line []byte) (size int64, signature string, ok bool) {
	text, ok := strings.CutSuffix(string(line), "\r\n")
	if !ok {
		return 0, "", false
	}
	digits, extension, signed := strings.Cut(text, ";")
	if signed {
		if signature, ok = strings.CutPrefix(extension, "chunk-signature="); !ok || len(signature) != 2*sha256.Size {
			return 0, "", false
		}
	}
	if len(digits) == 0 || len(digits) > 15 {
		return 0, "", false
	}
	for _, d := range []byte(digits) {
		switch {
		case '0' <= d && d <= '9':
			d -= '0'
		case 'a' <= d && d <= 'f':
			d -= 'a' - 10
		case 'A' <= d && d <= 'F':
			d -= 'A' - 10
		default:
			return 0, "", false
		}
		size = size<<4 | int64(d)
	}
	return size, signature, true
}

// endChunk reads what follows the data of a chunk and checks its signature.
func (c *chunks) endChunk() error {
	var end [2]byte
	if _, err := io.ReadFull(c.src, end[:]); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	switch {
	case string(end[:]) != "\r\n":
		return &failChunk
	case c.signer != nil && !c.signer.check():
		return &failSignature
	}
	return nil
}

// end reads what follows the last chunk, to the end of the body.
func (c *chunks) end() error {
	rest, err := io.ReadAll(io.LimitReader(c.src, maxTrailers+1))
	if err != nil {
		return err
	}
	if len(rest) > maxTrailers {
		return &failTrailer
	}
	value, signature, ok := parseTrailers(string(rest), c.name)
	if !ok {
		return &failTrailer
	}
	if c.name == "" {
		return nil
	}
	c.trailer = value
	if c.signer == nil {
		if signature != "" {
			return &failTrailer
		}
		return nil
	}
	if signature == "" {
		return &failTrailer
	}
	if !c.signer.checkTrailer(c.name+":"+value+"\n", signature) {
		return &failSignature
	}
	return nil
}

// trailerSignature is the name of the trailer that has the signature of those before it.
const trailerSignature = "x-amz-trailer-signature"

// parseTrailers reads what follows the last chunk: the trailer of the name, once, and perhaps the signature, both ended by
// CR LF or LF alone. Clients differ in where they put empty lines. Without a name there must be nothing else.
func parseTrailers(text, name string) (value, signature string, ok bool) {
	found := false
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			continue
		}
		k, v, ok := strings.Cut(line, ":")
		k, v = strings.ToLower(k), strings.TrimSpace(v)
		switch {
		case !ok || name == "" || v == "" || signature != "":
			return "", "", false
		case k == name && !found:
			value, found = v, true
		case k == trailerSignature && found:
			signature = v
		default:
			return "", "", false
		}
	}
	return value, signature, found == (name != "")
}

// sum is the checksum of the trailer, once all was read.
func (c *chunks) sum() (checksum.Sum, *Failure) {
	s, err := checksum.Parse(checksum.OfHeader(c.name), c.trailer)
	if err != nil || s.Parts > 0 {
		return checksum.Sum{}, failSumText(c.name)
	}
	return s, nil
}
