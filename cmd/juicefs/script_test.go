package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/rogpeppe/go-internal/testscript"

	"juicefs/meta/all"
	"juicefs/meta/engine"
	"juicefs/meta/record"
)

// TestMain makes this test binary the program too, so that scripts run it as "juicefs".
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"juicefs": main, "showtitle": showTitle, "replacelater": replaceLater})
}

// showTitle prints the process title after the secrets were hidden, and the arguments that the program keeps.
func showTitle() {
	kept := hideSecrets(os.Args)
	title, err := os.ReadFile("/proc/self/cmdline")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("title: %s\n", strings.ReplaceAll(strings.TrimRight(string(title), "\x00"), "\x00", " "))
	fmt.Printf("kept: %s\n", strings.Join(kept[1:], " "))
}

// replaceLater META URL gives the volume another UUID as soon as URL answers.
func replaceLater() {
	for {
		resp, err := http.Get(os.Args[2]) //nolint:noctx // the script's end is this one's
		if err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := setMember(os.Args[1], "UUID", `"9f6d572c-a55f-47a8-af92-af9721f9877a"`); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestScripts(t *testing.T) {
	server := startRedis(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("META", "sqlite3://"+filepath.Join(e.WorkDir, "meta.db"))
			e.Setenv("BUCKET", filepath.Join(e.WorkDir, "blobs"))
			e.Setenv("MINIO_ROOT_USER", "admin")
			e.Setenv("MINIO_ROOT_PASSWORD", "12345678")
			if err := writeKeys(e.WorkDir); err != nil {
				return err
			}
			for _, name := range []string{"ADDR", "MADDR", "ADDR2"} {
				addr, err := freeAddress()
				if err != nil {
					return err
				}
				e.Setenv(name, addr)
			}
			server.setup(e)
			return nil
		},
		Condition: server.condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":        exits,
			"refused":      refused,
			"occupy":       occupy,
			"withpassword": withPassword,
			"serving":      serving,
			"fetch":        fetch,
			"endsessions":  endSessions,
			"alter":        alter,
			"s3":           s3,
			"putuntil":     putUntil,
			"proxy":        proxy,
			"badstore":     badStore,
			"held":         held,
		},
	})
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// exits CODE PROGRAM ARGS... runs a program that must exit with a code. Its output is matched by stdout and stderr.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d instead of %d", code, want)
	}
}

// serving URL waits until URL answers 200.
func serving(ts *testscript.TestScript, _ bool, args []string) {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get(args[0]) //nolint:noctx // bounded by the loop
		if err == nil {
			ts.Check(resp.Body.Close())
			if resp.StatusCode == http.StatusOK {
				return
			}
			err = errors.New(resp.Status)
		}
		if time.Now().After(deadline) {
			ts.Fatalf("not serving: %v", err)
		}
	}
}

// fetch URL FILE stores what URL answers.
func fetch(ts *testscript.TestScript, _ bool, args []string) {
	resp, err := http.Get(args[0]) //nolint:noctx // local
	ts.Check(err)
	defer func() { ts.Check(resp.Body.Close()) }()
	out, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	_, err = out.ReadFrom(resp.Body)
	ts.Check(errors.Join(err, out.Close()))
}

// endsessions FILE [SIGNAL] sends SIGTERM, or another signal, to the processes that the output of status in FILE shows, and waits until
// they are gone.
func endSessions(ts *testscript.TestScript, _ bool, args []string) {
	var st struct{ Sessions []struct{ ProcessID int } }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &st))
	if len(st.Sessions) == 0 {
		ts.Fatalf("no session")
	}
	signal := syscall.SIGTERM
	if len(args) > 1 {
		signal = map[string]syscall.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT}[args[1]]
	}
	for _, s := range st.Sessions {
		ts.Check(syscall.Kill(s.ProcessID, signal))
		for deadline := time.Now().Add(30 * time.Second); running(s.ProcessID); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				ts.Fatalf("process %d does not end", s.ProcessID)
			}
		}
	}
}

// alter META NAME JSON sets a member of a volume's setting, as another program may.
func alter(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(setMember(args[0], args[1], args[2]))
}

func setMember(metaURL, name, value string) error {
	ctx := context.Background()
	eng, err := all.Open(ctx, metaURL, engine.Options{})
	if err != nil {
		return err
	}
	tx := eng.Begin(engine.Update)
	defer tx.Discard()
	items, err := tx.Fetch(ctx, []engine.ReadOp{{Key: record.SettingKey()}})
	if err != nil {
		return err
	}
	members := map[string]json.RawMessage{}
	if err = json.Unmarshal(items[0].Value, &members); err != nil {
		return err
	}
	members[name] = json.RawMessage(value)
	text, err := json.Marshal(members)
	if err != nil {
		return err
	}
	err = tx.Commit(ctx, &engine.Batch{Writes: []engine.Write{{Op: engine.Put, Key: record.SettingKey(), Value: text}}})
	return errors.Join(err, eng.Close())
}

// s3 ADDRESS put|get|rm BUCKET KEY [FILE] is an S3 client; put makes the bucket, get compares with the file.
func s3(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	c, err := minio.New(args[0], &minio.Options{Creds: credentials.NewStaticV4("admin", "12345678", "")})
	ts.Check(err)
	bucket, key := args[2], args[3]
	switch args[1] {
	case "put":
		ok, err := c.BucketExists(ctx, bucket)
		if err != nil || !ok {
			ts.Check(c.MakeBucket(ctx, bucket, minio.MakeBucketOptions{}))
		}
		_, err = c.FPutObject(ctx, bucket, key, ts.MkAbs(args[4]), minio.PutObjectOptions{})
		ts.Check(err)
	case "get":
		o, err := c.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
		ts.Check(err)
		got, err := io.ReadAll(o)
		ts.Check(errors.Join(err, o.Close()))
		if want := ts.ReadFile(args[4]); string(got) != want {
			ts.Fatalf("%d bytes that are not the %d of %s", len(got), len(want), args[4])
		}
	case "rm":
		ts.Check(c.RemoveObject(ctx, bucket, key, minio.RemoveObjectOptions{}))
	}
}

// putUntil ADDRESS BUCKET FOLDER writes objects until there is a block below a folder.
func putUntil(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	c, err := minio.New(args[0], &minio.Options{Creds: credentials.NewStaticV4("admin", "12345678", "")})
	ts.Check(err)
	for n, deadline := 0, time.Now().Add(30*time.Second); ; n++ {
		_, err = c.PutObject(ctx, args[1], fmt.Sprintf("more/%d", n), strings.NewReader("x"), 1, minio.PutObjectOptions{})
		ts.Check(err)
		blocks, err := filepath.Glob(filepath.Join(args[2], "chunks", "*", "*", "*"))
		ts.Check(err)
		if len(blocks) > 0 {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no block below %s after %d objects", args[2], n)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// writeKeys writes an RSA key in PEM to dir: plain in key.pem, with the passphrase "testpass" in protected.pem.
func writeKeys(dir string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	der := x509.MarshalPKCS1PrivateKey(key)
	plain := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: der}
	protected, err := x509.EncryptPEMBlock(rand.Reader, plain.Type, der, []byte("testpass"), x509.PEMCipherAES256) //nolint:staticcheck // weak, but volumes have such keys
	return errors.Join(err, os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(plain), 0o600),
		os.WriteFile(filepath.Join(dir, "protected.pem"), pem.EncodeToMemory(protected), 0o600))
}

// running reports whether a process runs; one that waits to be collected does not.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	after := string(stat[strings.LastIndexByte(string(stat), ')')+1:])
	return !strings.HasPrefix(after, " Z")
}
