package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// detachedEnv marks the process that runs in the background.
const detachedEnv = "JFS_DETACHED"

// defaultLogFile is where a process in the background logs.
func defaultLogFile() string {
	const name = "juicefs-gateway.log"
	home, err := os.UserHomeDir()
	if os.Getuid() == 0 || err != nil {
		return filepath.Join("/var/log", name)
	}
	return filepath.Join(home, ".juicefs", name)
}

// How long a service in the background may take until it is ready. One that has to upload first takes as long as that does;
// it is known to live by its process.
const (
	startTime  = 10 * time.Second
	uploadTime = 30 * 24 * time.Hour
)

// detach starts the program again in the background with args, waits until address answers, and returns. Output goes to
// logFile. env are additions to the environment; a password travels there and not in args.
func (p *program) detach(ctx context.Context, args, env []string, logFile, address string, patience time.Duration) error {
	if err := os.MkdirAll(filepath.Dir(logFile), 0o755); err != nil {
		return fmt.Errorf("open log file %s: %w", logFile, err)
	}
	fmt.Fprintf(p.stdout, "open log file %s\n", logFile)
	out, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open log file %s: %w", logFile, err)
	}
	defer func() { _ = out.Close() }() // the child has its own
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("start in the background: %w", err)
	}
	child := exec.Command(exe, args...) //nolint:noctx // it outlives this process
	child.Env = append(append(os.Environ(), detachedEnv+"=1"), env...)
	child.Dir = "/"
	child.Stdout, child.Stderr = out, out
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		return fmt.Errorf("start in the background: %w", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- child.Wait() }()
	if err := awaitReady(ctx, address, exited, patience); err != nil {
		return fmt.Errorf("%w; see %s", err, logFile)
	}
	p.say(ctx, slog.LevelInfo, fmt.Sprintf("OK, service is ready on %q", address))
	return nil
}

// detachedArgs are the arguments of the process in the background, which works elsewhere: relative paths become absolute.
func detachedArgs(args []string, oldURL, newURL string, o *serviceOptions) ([]string, error) {
	paths, err := o.detachedPaths()
	if err != nil {
		return nil, err
	}
	out := slices.Clone(args)
	for i, a := range args {
		if a == oldURL {
			out[i] = newURL
			continue
		}
		option, path := "", a
		if name, value, ok := strings.Cut(a, "="); ok && strings.HasPrefix(name, "-") {
			option, path = name+"=", value
		}
		if full, ok := paths[path]; ok {
			out[i] = option + full
		}
	}
	return out, nil
}

// detachedPaths are the paths of the options, as they were given, with what they are from everywhere.
func (o *serviceOptions) detachedPaths() (map[string]string, error) {
	paths := map[string]string{}
	if o.bucket != "" && !strings.Contains(o.bucket, "://") {
		full, err := filepath.Abs(o.bucket)
		if err != nil {
			return nil, fmt.Errorf("path of the bucket: %w", err)
		}
		paths[o.bucket] = full
	}
	if o.cache.dirText == "" || len(o.cache.dirs) == 0 {
		return paths, nil
	}
	full := make([]string, len(o.cache.dirs))
	for i, dir := range o.cache.dirs {
		var err error
		if full[i], err = filepath.Abs(dir); err != nil {
			return nil, fmt.Errorf("path of the cache: %w", err)
		}
	}
	paths[o.cache.dirText] = strings.Join(full, ":")
	return paths, nil
}

// awaitReady returns when the service on address is ready; an error when the process exits first or time is up.
func awaitReady(ctx context.Context, address string, exited <-chan error, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !isReady(ctx, address) {
		select {
		case err := <-exited:
			if err == nil {
				err = errors.New("no error")
			}
			return fmt.Errorf("the service ended at its start: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("service is not ready on %q in time", address)
		case <-tick.C:
		}
	}
	return nil
}

// isReady asks the service. One that speaks HTTPS answers too, that it does.
func isReady(ctx context.Context, address string) bool {
	if strings.HasPrefix(address, ":") {
		address = "127.0.0.1" + address
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/minio/health/ready", nil)
	if err != nil {
		return false
	}
	direct := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // past proxies
	resp, err := direct.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode != http.StatusServiceUnavailable
}
