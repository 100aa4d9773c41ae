package redisdb

import "strconv"

// args collects the arguments of a command in one buffer, so that a command of many costs few allocations. The zero value
// has no prefix.
type args struct {
	prefix string // in front of every key
	buf    []byte
	ends   []int
}

// end finishes the argument that was appended to buf.
func (a *args) end() { a.ends = append(a.ends, len(a.buf)) }

// str adds text.
func (a *args) str(s string) {
	a.buf = append(a.buf, s...)
	a.end()
}

// bytes adds bytes.
func (a *args) bytes(b []byte) {
	a.buf = append(a.buf, b...)
	a.end()
}

// int adds a number in decimal.
func (a *args) int(n int64) {
	a.buf = strconv.AppendInt(a.buf, n, 10)
	a.end()
}

// uint adds a number in decimal.
func (a *args) uint(n uint64) {
	a.buf = strconv.AppendUint(a.buf, n, 10)
	a.end()
}

// name adds a key that is the same for the whole volume.
func (a *args) name(s string) {
	a.buf = append(a.buf, a.prefix...)
	a.str(s)
}

// numbered adds a key that ends in a number.
func (a *args) numbered(s string, n uint64) {
	a.buf = append(a.buf, a.prefix...)
	a.buf = append(a.buf, s...)
	a.uint(n)
}

// len returns how many arguments there are.
func (a *args) len() int { return len(a.ends) }

// at returns an argument. It is valid until the next one is added.
func (a *args) at(i int) []byte {
	from := 0
	if i > 0 {
		from = a.ends[i-1]
	}
	return a.buf[from:a.ends[i]]
}

// values returns the arguments as the library takes them, behind what is in head. They are copies.
func (a *args) values(head ...any) []any {
	texts := a.texts(make([]string, 0, len(a.ends)), string(a.buf), 0, len(a.ends))
	out := make([]any, 0, len(head)+len(texts))
	out = append(out, head...)
	for i := range texts {
		out = append(out, &texts[i])
	}
	return out
}

// texts appends arguments as pieces of all, which is the buffer as text.
func (a *args) texts(texts []string, all string, from, to int) []string {
	start := 0
	if from > 0 {
		start = a.ends[from-1]
	}
	for _, end := range a.ends[from:to] {
		texts = append(texts, all[start:end])
		start = end
	}
	return texts
}

// copy adds arguments of another list.
func (a *args) copy(b *args, from, to int) {
	if from == to {
		return
	}
	start := 0
	if from > 0 {
		start = b.ends[from-1]
	}
	shift := len(a.buf) - start
	a.buf = append(a.buf, b.buf[start:b.ends[to-1]]...)
	for _, end := range b.ends[from:to] {
		a.ends = append(a.ends, end+shift)
	}
}
