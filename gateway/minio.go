package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/minio/cli"
	minio "github.com/minio/minio/cmd"
	"github.com/minio/minio/cmd/config"
	"github.com/minio/minio/cmd/logger"

	"juicefs/gateway/front"
	"juicefs/pkg/proc"
	"juicefs/vfs"
)

// Everything here touches state of the process: the fork keeps its server, layer, credentials, settings and handlers in
// package variables, set once. So a process serves one gateway, once, and Serve leaves it fit for nothing but to exit.

// ErrCut is returned by Serve when requests were still running at the end.
var ErrCut = errors.New("requests were cut off")

// server is a gateway that is being served.
type server struct {
	o       Options
	layer   *Layer
	front   *front.Front
	signals chan os.Signal
	failed  chan error // what went wrong at the start
	settled sync.Once
	begin   func() error           // runs once
	public  atomic.Pointer[public] // set by begin
}

// Serve serves a volume until ctx ends or a signal comes (SIGINT, SIGTERM, SIGQUIT, SIGHUP; it takes them over, also from
// others in the process). After SIGTERM readiness fails for Options.DrainDelay while everything is served; then, or at
// once, no more connections are taken, running requests may take Options.Grace to end, or until a second signal; the layer
// is shut down and onShutdown runs. The error is nil if nothing was cut off.
func Serve(ctx context.Context, v *vfs.Volume, o Options, onShutdown func(context.Context) error) error {
	o = o.normalize()
	if err := o.Validate(); err != nil {
		return err
	}
	o.ReadOnly = v.ReadOnly()
	o.Stop = onShutdown
	layer := New(v, o)
	s := &server{o: o, front: front.New(o.Front(layer)), layer: layer,
		signals: make(chan os.Signal, 2), failed: make(chan error, 1)}
	s.begin = sync.OnceValue(func() error { return s.takeOver(ctx) })
	if err := mount(s.front.Wrap); err != nil {
		return err
	}
	if err := setEnvironment(&o); err != nil {
		return err
	}
	defer proc.NewBallast(heapRoom).Drop()
	forkServerErrors = nil
	ended := make(chan error, 1)
	go func() { ended <- runFork(&o, served{s.layer, s}) }() // nothing can end it but the process
	delay := time.Duration(0)
	select {
	case <-ctx.Done():
	case sig := <-s.signals:
		announce(sig)
		if sig == syscall.SIGTERM { // not for somebody at a terminal
			delay = s.o.DrainDelay
		}
	case err := <-s.failed:
		return errors.Join(err, s.shutdown(ctx))
	case err := <-ended:
		return errors.Join(fmt.Errorf("the server ended: %w", err), s.shutdown(ctx))
	}
	return s.drain(ctx, delay)
}

// heapRoom is how much garbage a small heap may have beyond what Go allows. Some 10 MiB are in use, and a request allocates
// 50 to 110 KiB: a collection each hundred requests took 40 to 50 us of CPU a request.
const heapRoom = 16 << 20

// drain tells that the service will end, waits, takes no more connections, lets running requests end and shuts the layer
// down. Another signal makes it hurry.
func (s *server) drain(ctx context.Context, delay time.Duration) error {
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), delay+s.o.Grace)
	defer cancel()
	go func() {
		select {
		case sig := <-s.signals:
			announce(sig)
			cancel()
		case <-wait.Done():
		}
	}()
	s.front.Retire()
	if delay > 0 {
		t := time.NewTimer(delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-wait.Done():
		}
	}
	var cut error
	if s.public.Load().stop(wait) != nil {
		if n := s.front.Running(); n > 0 {
			cut = fmt.Errorf("%w: %d", ErrCut, n)
		}
	}
	return errors.Join(cut, s.public.Load().cut(), s.shutdown(ctx))
}

func (s *server) shutdown(ctx context.Context) error {
	s.front.Close()
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	return s.layer.Shutdown(clean)
}

// announce prints the line that the fork would.
func announce(sig os.Signal) { logger.Info("Exiting on signal: %s", strings.ToUpper(sig.String())) }

// served is the layer as the fork gets it: its first call is when the fork is ready for what Serve must do.
type served struct {
	*Layer
	s *server
}

// NewNSLock is the first method that the fork calls.
func (v served) NewNSLock(bucket string, objects ...string) minio.RWLocker {
	if err := v.s.begin(); err != nil {
		v.s.tell(err)
		return stuckLock{}
	}
	return v.Layer.NewNSLock(bucket, objects...)
}

// tell ends Serve with an error.
func (s *server) tell(err error) {
	select {
	case s.failed <- err:
	default: // told already
	}
}

// StorageInfo is called at the end of the start, for the banner: the server has its settings now.
func (v served) StorageInfo(ctx context.Context) (minio.StorageInfo, []error) {
	v.s.settled.Do(func() {
		v.s.front.Open()
		_ = v.background(v.s.returnMemory) // fails when the layer is closed already: then there is nothing to return
		v.s.refreshBuckets(ctx)
	})
	return v.Layer.StorageInfo(ctx)
}

// settleTime is how long the fork goes on starting, with users and policies, when the server is up.
const settleTime = time.Second

// idleTime is how long the process must be quiet before memory is returned, and as much again at most. Who comes next waits for
// that memory: where a host hands out pages only when they are touched, a request for 1,000 keys took 250 ms instead of 45.
const idleTime = 10 * time.Minute

// returnMemory gives back what the start needed: 22 MiB of heap that the fork's self tests left, and 17 MiB of program that
// only the start ran. Later it gives back what requests needed, when there are none for a while.
func (s *server) returnMemory() {
	t := time.NewTimer(settleTime)
	defer t.Stop()
	var idle proc.Idle
	for first := true; ; first = false {
		select {
		case <-t.C:
		case <-s.layer.done:
			return
		}
		var err error
		if first {
			err = proc.ReturnStartMemory()
		} else {
			_, err = idle.Return()
		}
		if err != nil {
			s.o.Logger.Debug("return memory", "error", err) // it stays; nothing else is lost
		}
		t.Reset(idleTime)
	}
}

// stuckLock keeps the fork from going on when the start has failed and the process is about to exit.
type stuckLock struct{ freeLock }

func (stuckLock) GetLock(ctx context.Context, _ *minio.DynamicTimeout) (context.Context, error) {
	<-ctx.Done()
	return ctx, ctx.Err()
}

func (s stuckLock) GetRLock(ctx context.Context, t *minio.DynamicTimeout) (context.Context, error) {
	return s.GetLock(ctx, t)
}

// memProfileRate is Go's default. The fork samples 128 times as often, which makes small requests 1.5 times dearer.
const memProfileRate = 512 << 10

// takeOver runs at the first call into the layer. By then the fork has checked address, certificates and environment,
// each of which would end the process, and has registered for signals, at which it would cancel running requests.
func (s *server) takeOver(ctx context.Context) error {
	runtime.MemProfileRate = memProfileRate
	signal.Reset(syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	signal.Notify(s.signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP)
	if s.o.Begin != nil {
		if err := s.o.Begin(ctx); err != nil {
			return err
		}
	}
	for _, step := range []func(context.Context) error{s.checkFront, s.goPublic, s.checkFront, s.layer.Start} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// How long the listener, which the fork starts in the background, may take.
const (
	listenTime  = 10 * time.Second
	listenRetry = 2 * time.Millisecond
)

// checkFront sends a request to the server and fails unless it comes through the front. The layer is closed until then,
// since without the front it would take every request for the server's own.
func (s *server) checkFront(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, listenTime)
	defer cancel()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // to this process
	scheme := "http"
	if pair, err := s.o.certificate(); err == nil && pair != nil {
		scheme = "https"
	}
	base := scheme + "://" + localAddress(s.o.Address)
	for {
		err := s.front.Check(ctx, c, base)
		if err == nil || errors.Is(err, front.ErrBypassed) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(listenRetry):
		}
	}
}

// localAddress is where this process reaches what listens on an address.
func localAddress(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address // Validate has refused it
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}

// runFork runs the fork's server in this goroutine.
func runFork(o *Options, layer minio.ObjectLayer) error {
	app := cli.NewApp()
	app.Name, app.HideHelp, app.HideVersion = "juicefs", true, true
	app.Flags = []cli.Flag{
		cli.StringFlag{Name: "address"}, cli.StringFlag{Name: "certs-dir"}, cli.BoolFlag{Name: "anonymous"},
		cli.BoolFlag{Name: "quiet"}, cli.BoolFlag{Name: "json"},
	}
	app.Action = func(c *cli.Context) { minio.ServerMainForJFS(c, layer) }
	args := []string{"server", "--address", o.Address, "--anonymous"} // anonymous: no credentials in what it prints
	if o.Quiet {
		args = append(args, "--quiet")
	}
	if o.CertsDir != "" {
		args = append(args, "--certs-dir", o.CertsDir)
	}
	return app.Run(args)
}

// setEnvironment tells the fork what it takes from nowhere else.
func setEnvironment(o *Options) error {
	env := map[string]string{"MINIO_ROOT_USER": o.RootUser, "MINIO_ROOT_PASSWORD": o.RootPassword, "MINIO_DOMAIN": o.Domain,
		"MINIO_REFRESH_IAM_INTERVAL": o.RefreshIAM.String()}
	if o.ReadOnly {
		env["JUICEFS_META_READ_ONLY"] = "1"
	}
	for name, value := range env {
		if value == "" {
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	// Under its old names the server looks at the superuser too, and refuses to start if what is there is too short or empty.
	for _, name := range []string{"MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"} {
		if err := os.Unsetenv(name); err != nil {
			return fmt.Errorf("unset %s: %w", name, err)
		}
	}
	return nil
}

// Validate finds what would end the process later: the names, the credentials, the certificates and the address, which
// must be free. It changes nothing.
func (o *Options) Validate() error {
	if o.BucketName != "" && !o.MultiBuckets {
		if err := ValidateBucketName(o.BucketName); err != nil {
			return err
		}
	}
	if o.RootUser != "" || o.RootPassword != "" {
		if err := ValidateCredentials(o.RootUser, o.RootPassword); err != nil {
			return err
		}
	}
	if _, err := o.certificate(); err != nil {
		return err
	}
	return checkAddress(o.Address)
}

// certificate loads the certificate for HTTPS; nil if there is none.
func (o *Options) certificate() (*tls.Certificate, error) {
	dir := o.CertsDir
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, nil //nolint:nilerr // no home, no certificates
		}
		dir = filepath.Join(home, ".minio", "certs")
	}
	public, private := filepath.Join(dir, "public.crt"), filepath.Join(dir, "private.key")
	for _, name := range []string{public, private} {
		if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
	}
	pair, err := config.LoadX509KeyPair(public, private)
	if err != nil {
		return nil, fmt.Errorf("load certificate %s: %w", public, err)
	}
	return &pair, nil
}

// checkAddress listens for a moment.
func checkAddress(address string) error {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("invalid address %q: %w", address, err)
	}
	listener, err := net.Listen("tcp", address) //nolint:noctx // closed at once
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listen on %s: Specified port is already in use", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("listen on %s: host in server address should be this server", address)
	case err != nil:
		return fmt.Errorf("listen: %w", err)
	}
	return listener.Close()
}
