// Command demo is what `make run` starts: it makes a volume on SQLite and a local folder unless it is there, serves it over
// S3, and says how to use it.
//
// The keys of the S3 root user are taken from MINIO_ROOT_USER and MINIO_ROOT_PASSWORD, with defaults for a demo.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// startTime is how long the gateway may take until it answers.
const startTime = 30 * time.Second

type demo struct {
	binary, dir, addr, user, password string
}

func main() {
	d := demo{user: os.Getenv("MINIO_ROOT_USER"), password: os.Getenv("MINIO_ROOT_PASSWORD")}
	flag.StringVar(&d.binary, "bin", "bin/juicefs", "the program to demonstrate")
	flag.StringVar(&d.dir, "dir", "demo", "folder of the volume's database and data")
	flag.StringVar(&d.addr, "addr", "127.0.0.1:9000", "where to serve")
	flag.Parse()
	if d.user == "" {
		d.user = "demo"
	}
	if d.password == "" {
		d.password = "demo-password"
	}
	err := d.run()
	var ended *exec.ExitError
	if errors.As(err, &ended) { // and has said why
		os.Exit(max(ended.ExitCode(), 1))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func (d *demo) run() error {
	// An interrupt from the terminal reaches the gateway too; this program ends after it.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)

	if err := d.format(); err != nil {
		return err
	}
	gateway := d.command("gateway", d.meta(), d.addr,
		"--no-banner", "--multi-buckets", "--keep-etag", "--object-tag", "--object-meta")
	gateway.Env = append(os.Environ(), "MINIO_ROOT_USER="+d.user, "MINIO_ROOT_PASSWORD="+d.password)
	if err := gateway.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- gateway.Wait() }()

	ready, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	answers := make(chan error, 1)
	go func() { answers <- wait(ready, "http://"+d.addr+"/minio/health/ready") }()
	for {
		select {
		case err := <-ended:
			return err
		case s := <-signals:
			if s != os.Interrupt {
				_ = gateway.Process.Signal(s) // fails only when the gateway has ended, which is what was wanted
			}
		case err := <-answers:
			if err != nil {
				_ = gateway.Process.Signal(syscall.SIGTERM) // as above
				return errors.Join(err, <-ended)
			}
			d.explain(os.Stdout)
		}
	}
}

// format makes the volume unless it is there.
func (d *demo) format() error {
	if _, err := os.Stat(filepath.Join(d.dir, "meta.db")); err == nil {
		return nil
	}
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return err
	}
	return d.command("format", d.meta(), "demo", "--storage", "file", "--bucket", filepath.Join(d.dir, "data")).Run()
}

func (d *demo) meta() string { return "sqlite3://" + filepath.Join(d.dir, "meta.db") }

func (d *demo) command(args ...string) *exec.Cmd {
	cmd := exec.Command(d.binary, args...) //nolint:noctx // ended by signals, never by a kill
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd
}

// wait asks url until it answers 200.
func wait(ctx context.Context, url string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close() // nothing in it
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(resp.Status)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the gateway is not ready after %s: %w", startTime, err)
		case <-tick.C:
		}
	}
}

// explain says what is served and three things to do with it.
func (d *demo) explain(w io.Writer) {
	fmt.Fprintf(w, `
Serving the volume in %[1]s/ over S3.

  Endpoint:    http://%[2]s
  Access key:  %[3]s
  Secret key:  %[4]s
  Browser:     http://%[2]s/minio/

Try, in another terminal:

  export AWS_ACCESS_KEY_ID=%[3]s AWS_SECRET_ACCESS_KEY=%[4]s AWS_DEFAULT_REGION=us-east-1
  aws --endpoint-url http://%[2]s s3 mb s3://hello
  aws --endpoint-url http://%[2]s s3 cp README.md s3://hello/README.md
  aws --endpoint-url http://%[2]s s3 ls s3://hello

Ctrl-C ends it; `+"`make run`"+` goes on with the same volume.
`, d.dir, d.addr, d.user, d.password)
}
