package redisdb

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// errReply is wrapped when an answer is not what the command answers with.
var errReply = errors.New("answer of the server makes no sense")

// reply reads a server's answer from its bytes, without copying them. Format: RESP version 2, and of version 3 what scripts
// and commands with strings and numbers answer with.
type reply struct{ b []byte }

// head reads the line that starts a value: its sign and the rest.
func (r *reply) head() (sign byte, rest []byte, err error) {
	i := bytes.IndexByte(r.b, '\n')
	if i < 2 {
		return 0, nil, fmt.Errorf("%w: %.40q", errReply, r.b)
	}
	sign, rest = r.b[0], r.b[1:i-1]
	r.b = r.b[i+1:]
	if sign == '-' {
		return 0, nil, replyError(rest)
	}
	return sign, rest, nil
}

// size reads the length of a bulk string or array; -1: nil.
func size(rest []byte) (int, error) {
	n, err := strconv.Atoi(string(rest)) // the compiler spares the copy
	if err != nil || n < -1 {
		return 0, fmt.Errorf("%w: length %q", errReply, rest)
	}
	return n, nil
}

// bulk reads a bulk string, a simple string or a number as bytes; nil for nil.
func (r *reply) bulk() ([]byte, error) {
	sign, rest, err := r.head()
	if err != nil {
		return nil, err
	}
	switch sign {
	case '+', ':':
		return rest, nil
	case '_':
		return nil, nil
	case '$':
		n, err := size(rest)
		if err != nil || n < 0 {
			return nil, err
		}
		if len(r.b) < n+2 {
			return nil, fmt.Errorf("%w: %d bytes of %d", errReply, len(r.b), n)
		}
		v := r.b[:n:n]
		r.b = r.b[n+2:]
		return v, nil
	}
	return nil, fmt.Errorf("%w: %q instead of a string", errReply, sign)
}

// array reads the length of an array, never more than there can be; -1 for nil.
func (r *reply) array() (int, error) {
	sign, rest, err := r.head()
	if err != nil {
		return 0, err
	}
	switch sign {
	case '*':
		const least = 3 // bytes of a value
		n, err := size(rest)
		if err == nil && n > len(r.b)/least {
			err = fmt.Errorf("%w: %d values in %d bytes", errReply, n, len(r.b))
		}
		return n, err
	case '_':
		return -1, nil
	case '$': // nil of a script
		if n, err := size(rest); err == nil && n < 0 {
			return -1, nil
		}
	}
	return 0, fmt.Errorf("%w: %q instead of an array", errReply, sign)
}

// bulks reads an array of strings.
func (r *reply) bulks() ([][]byte, error) {
	n, err := r.array()
	if err != nil || n < 0 {
		return nil, err
	}
	out := make([][]byte, n)
	for i := range out {
		if out[i], err = r.bulk(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// int reads a number.
func (r *reply) int() (int64, error) {
	sign, rest, err := r.head()
	if err != nil {
		return 0, err
	}
	n, bad := strconv.ParseInt(string(rest), 10, 64)
	if sign != ':' || bad != nil {
		return 0, fmt.Errorf("%w: %q instead of a number", errReply, rest)
	}
	return n, nil
}

// isInt reports whether a number comes next.
func (r *reply) isInt() bool { return len(r.b) > 0 && r.b[0] == ':' }

// isNil reports whether nil comes next.
func (r *reply) isNil() bool {
	return bytes.HasPrefix(r.b, []byte("$-1\r\n")) || bytes.HasPrefix(r.b, []byte("*-1\r\n")) || bytes.HasPrefix(r.b, []byte("_\r\n"))
}

// failed returns the error that the answer is, if it is one.
func (r *reply) failed() error {
	if len(r.b) == 0 || r.b[0] != '-' {
		return nil
	}
	_, _, err := (&reply{r.b}).head()
	return err
}

// values are an answer that is read one value after the other.
type values interface {
	bulk() ([]byte, error)
	bulks() ([][]byte, error)
}

var (
	_ values = (*reply)(nil)
	_ values = (*parsed)(nil)
)

// parsed is the rest of an array that the library has parsed.
type parsed []any

// next takes a value; nil at the end.
func (p *parsed) next() any {
	if len(*p) == 0 {
		return nil
	}
	v := (*p)[0]
	*p = (*p)[1:]
	return v
}

// bulk reads a string or a number as bytes; nil for nil.
func (p *parsed) bulk() ([]byte, error) {
	switch v := p.next().(type) {
	case nil:
		return nil, nil
	case string:
		return []byte(v), nil
	case int64:
		return strconv.AppendInt(nil, v, 10), nil
	default:
		return nil, fmt.Errorf("%w: %T instead of a string", errReply, v)
	}
}

// bulks reads an array of strings.
func (p *parsed) bulks() ([][]byte, error) {
	v := p.next()
	all, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("%w: %T instead of an array", errReply, v)
	}
	out, left := make([][]byte, len(all)), parsed(all)
	for i := range out {
		var err error
		if out[i], err = left.bulk(); err != nil {
			return nil, err
		}
	}
	return out, nil
}
