package obs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Levels besides those of slog. A record of LevelFatal is the last before the program ends with an exit code; writing
// it does not end the program.
const (
	LevelTrace = slog.Level(-8)
	LevelFatal = slog.Level(12)
)

// LogOptions are for NewHandler. The zero value logs from Info up, without colours.
type LogOptions struct {
	Level slog.Leveler     // nil: Info
	Color bool             // colour the level, as terminals understand it
	ID    string           // put in front of every line in brackets; empty: nothing
	Name  string           // program name; empty: "juicefs"
	Now   func() time.Time // clock for records without a time; nil: time.Now
}

// Handler writes one line a record:
//
//	[id] 2006/01/02 15:04:05.000000 juicefs[PID] <LEVEL>: text key=value [function@file:line]
//
// It may be used by several goroutines; each line is one Write.
type Handler struct {
	o      LogOptions
	prefix string // what follows the time: program and process
	attrs  string // of WithAttrs, ready to append
	group  string // of WithGroup: "a.b."
	mu     *sync.Mutex
	w      io.Writer
}

var _ slog.Handler = (*Handler)(nil)

// NewHandler returns a handler that writes to w.
func NewHandler(w io.Writer, o LogOptions) *Handler {
	if o.Level == nil {
		o.Level = slog.LevelInfo
	}
	if o.Name == "" {
		o.Name = "juicefs"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Handler{o: o, prefix: fmt.Sprintf(" %s[%d] ", o.Name, os.Getpid()), mu: &sync.Mutex{}, w: w}
}

// Enabled implements slog.Handler.
func (h *Handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.o.Level.Level() }

// Handle implements slog.Handler.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	b := make([]byte, 0, 256)
	if h.o.ID != "" {
		b = append(append(append(b, '['), h.o.ID...), "] "...)
	}
	t := r.Time
	if t.IsZero() {
		t = h.o.Now()
	}
	b = t.AppendFormat(b, "2006/01/02 15:04:05.000000")
	b = append(b, h.prefix...)
	b = h.appendLevel(b, r.Level)
	b = append(b, ": "...)
	b = append(b, r.Message...)
	b = append(b, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		b = appendAttr(b, h.group, a)
		return true
	})
	b = appendSource(b, r.PC)
	b = append(b, '\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.w.Write(b)
	return err
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(as []slog.Attr) slog.Handler {
	c := *h
	b := []byte(h.attrs)
	for _, a := range as {
		b = appendAttr(b, h.group, a)
	}
	c.attrs = string(b)
	return &c
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.group += name + "."
	return &c
}

// LevelName is the name of a level in log lines.
func LevelName(l slog.Level) string {
	switch {
	case l < slog.LevelDebug:
		return "TRACE"
	case l < slog.LevelInfo:
		return "DEBUG"
	case l < slog.LevelWarn:
		return "INFO"
	case l < slog.LevelError:
		return "WARNING"
	case l < LevelFatal:
		return "ERROR"
	}
	return "FATAL"
}

// ParseLevel is the inverse of LevelName, in any case; "warn" is known too.
func ParseLevel(name string) (slog.Level, error) {
	switch strings.ToLower(name) {
	case "trace":
		return LevelTrace, nil
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn", "warning":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	case "fatal", "panic":
		return LevelFatal, nil
	}
	return 0, fmt.Errorf("not a valid log level: %q", name)
}

func (h *Handler) appendLevel(b []byte, l slog.Level) []byte {
	name := LevelName(l)
	if !h.o.Color {
		return append(append(append(b, '<'), name...), '>')
	}
	color := 34 // blue
	switch {
	case l < slog.LevelInfo:
		color = 37 // white
	case l >= slog.LevelError:
		color = 31 // red
	case l >= slog.LevelWarn:
		color = 33 // yellow
	}
	b = append(b, "\x1b[1;"...)
	b = strconv.AppendInt(b, int64(color), 10)
	b = append(append(append(b, "m<"...), name...), '>')
	return append(b, "\x1b[0m"...)
}

func appendAttr(b []byte, group string, a slog.Attr) []byte {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, m := range v.Group() {
			b = appendAttr(b, group, m)
		}
		return b
	}
	if a.Key == "" {
		return b
	}
	b = append(append(append(append(b, ' '), group...), a.Key...), '=')
	text := v.String()
	if v.Kind() == slog.KindTime {
		text = v.Time().Format(time.RFC3339Nano)
	}
	if needsQuotes(text) {
		return strconv.AppendQuote(b, text)
	}
	return append(b, text...)
}

// needsQuotes reports whether a value could be taken for something else in a line: names of objects come from anyone.
func needsQuotes(s string) bool {
	if s == "" {
		return true
	}
	for _, r := range s {
		if r <= ' ' || r == '"' || r == '=' || r >= 0x7f {
			return true
		}
	}
	return false
}

func appendSource(b []byte, pc uintptr) []byte {
	if pc == 0 {
		return b
	}
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	if f.File == "" {
		return b
	}
	name := f.Function[strings.LastIndexByte(f.Function, '.')+1:]
	b = append(append(b, " ["...), name...)
	b = append(append(b, '@'), filepath.Base(f.File)...)
	b = strconv.AppendInt(append(b, ':'), int64(f.Line), 10)
	return append(b, ']')
}
