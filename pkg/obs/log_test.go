package obs

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestLogLine(t *testing.T) {
	at := time.Date(2026, 11, 23, 13, 30, 47, 243203000, time.UTC)
	tests := []struct {
		name string
		o    LogOptions
		log  func(*slog.Logger)
		want string // $PID and $SRC stand for the process and the source
	}{
		{"plain text", LogOptions{}, func(l *slog.Logger) { l.Info("hello") }, "juicefs[$PID] <INFO>: hello $SRC"},
		{"a warning is spelled out", LogOptions{}, func(l *slog.Logger) { l.Warn("x") }, "juicefs[$PID] <WARNING>: x $SRC"},
		{"attributes follow the text", LogOptions{}, func(l *slog.Logger) { l.Error("put", KeyError, errors.New("no space"), "n", 3) },
			`juicefs[$PID] <ERROR>: put error="no space" n=3 $SRC`},
		{"a line break in a value cannot make a line", LogOptions{}, func(l *slog.Logger) { l.Info("get", KeyPath, "/a\n<FATAL>") },
			`juicefs[$PID] <INFO>: get path="/a\n<FATAL>" $SRC`},
		{"groups are dotted", LogOptions{}, func(l *slog.Logger) { l.WithGroup("a").With("b", 1).Info("x", slog.Group("c", "d", 2)) },
			"juicefs[$PID] <INFO>: x a.b=1 a.c.d=2 $SRC"},
		{"an id comes first", LogOptions{ID: "q"}, func(l *slog.Logger) { l.Info("x") }, "[q] DATE juicefs[$PID] <INFO>: x $SRC"},
		{"colour on the level", LogOptions{Color: true}, func(l *slog.Logger) { l.Log(t.Context(), LevelFatal, "x") },
			"juicefs[$PID] \x1b[1;31m<FATAL>\x1b[0m: x $SRC"},
		{"below the level nothing is written", LogOptions{Level: slog.LevelWarn}, func(l *slog.Logger) { l.Info("x") }, ""},
	}
	src := regexp.MustCompile(`\[func\d+@log_test\.go:\d+\]`)
	date := regexp.MustCompile(`\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6}`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.o.Now = func() time.Time { return at }
			tt.log(slog.New(NewHandler(&out, tt.o)))
			got := strings.TrimSuffix(out.String(), "\n")
			got = date.ReplaceAllString(src.ReplaceAllString(got, "$$SRC"), "DATE")
			want := strings.ReplaceAll(tt.want, "$PID", fmt.Sprint(os.Getpid()))
			if want != "" && !strings.Contains(want, "DATE") {
				want = "DATE " + want
			}
			if got != want {
				t.Errorf("line\n got %q\nwant %q", got, want)
			}
		})
	}
}

func TestParseLevel(t *testing.T) {
	for _, l := range []slog.Level{LevelTrace, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, LevelFatal} {
		got, err := ParseLevel(LevelName(l))
		if err != nil || got != l {
			t.Errorf("ParseLevel(%s) = %v, %v, want %v", LevelName(l), got, err, l)
		}
	}
	if _, err := ParseLevel("loud"); err == nil {
		t.Error(`ParseLevel("loud") succeeded`)
	}
}
