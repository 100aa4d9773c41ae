package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"juicefs/gateway"
	"juicefs/meta"
	"juicefs/meta/all"
	"juicefs/meta/engine"
)

func (p *program) gatewayCommand() *cli.Command {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "log", Value: defaultLogFile(), Usage: "log file in the background"},
		&cli.BoolFlag{Name: "background", Aliases: []string{"d"}, Usage: "run in the background"},
		&cli.BoolFlag{Name: "no-banner", Usage: "print nothing at the start"},
		&cli.BoolFlag{Name: "multi-buckets", Usage: "serve each directory of the volume's root as a bucket"},
		&cli.StringFlag{Name: "bucket-name", Usage: "name of the single bucket", DefaultText: "the volume's name"},
		&cli.BoolFlag{Name: "keep-etag", Usage: "keep the ETags of objects"},
		&cli.StringFlag{Name: "umask", Value: "022", Usage: "umask of new files and directories, in octal"},
		&cli.BoolFlag{Name: "object-tag", Usage: "keep tags of objects"},
		&cli.BoolFlag{Name: "object-meta", Usage: "keep user metadata of objects"},
		&cli.BoolFlag{Name: "head-dir", Usage: "HEAD finds directories"},
		&cli.BoolFlag{Name: "hide-dir-object", Usage: "leave directories out of listings"},
		&cli.StringFlag{Name: "domain", Usage: "domains for buckets as host names, separated by commas (env MINIO_DOMAIN)"},
		&cli.StringFlag{Name: "refresh-iam-interval", Value: "5m", Usage: "how often to load users, policies and settings of buckets again (env MINIO_REFRESH_IAM_INTERVAL)"},
		&cli.StringFlag{Name: "trusted-proxies", Usage: "networks of proxies, separated by commas, whose X-Forwarded-For is believed, such as 10.0.0.0/8"},
		&cli.IntFlag{Name: "max-requests", Usage: "how many requests may run at once; as many wait, others are answered 503 SlowDown", DefaultText: "one for each 256 KiB of --buffer-size"},
		&cli.BoolFlag{Name: "s3-select", Usage: "let objects be searched with S3 Select: lines of at most 1 MiB, objects of at most 1 GiB, not compressed"},
		&cli.StringFlag{Name: "drain-delay", Value: "3s", Usage: "how long readiness fails at SIGTERM before new connections are refused"},
		&cli.StringFlag{Name: "mountpoint", Value: "s3gateway", Usage: "prefix of links that lead into the volume; also the name of the session"},
		&cli.StringFlag{Name: "backup-meta", Hidden: true},
		&cli.StringFlag{Name: "atime-mode", Hidden: true},
	}
	for _, more := range [][]cli.Flag{metaFlags(), storageFlags(), cacheFlags(), metricsFlags(), acceptedFlags(), refusedFlags()} {
		flags = append(flags, more...)
	}
	return &cli.Command{
		Name:      "gateway",
		Usage:     "serve a volume over the S3 API",
		ArgsUsage: "META-URL ADDRESS",
		Flags:     flags,
		Action:    p.gateway,
	}
}

// gateway checks everything that can be checked, opens the volume, and serves it. Its session begins only when the server
// has found its own arguments good, so that a failed start leaves none behind.
func (p *program) gateway(c *cli.Context) error {
	if err := p.argsBetween(c, 2, 2); err != nil {
		return err
	}
	if err := checkRefused(c, refusedFlags()); err != nil {
		return err
	}
	o, err := readService(c)
	if err != nil {
		return err
	}
	opts, err := p.gatewayOptions(c, o)
	if err != nil {
		return err
	}
	if c.Bool("background") && p.getenv(detachedEnv) == "" {
		return p.gatewayInBackground(c, o, opts)
	}
	return p.serve(c.Context, c.Args().First(), o, opts)
}

// bufferOfRequest is how much of the buffer there is for each of the requests that may run. They share it: a large upload
// has more, and all of them wait when it is used up, so the number bounds what a request takes beside its data, which is
// about as much.
const bufferOfRequest = 256 << 10

// gatewayOptions are the server's options, checked.
func (p *program) gatewayOptions(c *cli.Context, o *serviceOptions) (gateway.Options, error) {
	user, password := p.credentials()
	opts := gateway.Options{
		Address: c.Args().Get(1), Domain: c.String("domain"), RootUser: user, RootPassword: password,
		Quiet: c.Bool("no-banner"), ReadOnly: o.readOnly, MultiBuckets: c.Bool("multi-buckets"), BucketName: c.String("bucket-name"),
		KeepETag: c.Bool("keep-etag"), ObjectTag: c.Bool("object-tag"), ObjectMeta: c.Bool("object-meta"),
		HeadDir: c.Bool("head-dir"), HideDirObject: c.Bool("hide-dir-object"), Logger: p.log,
	}
	if err := gateway.ValidateCredentials(user, password); err != nil {
		return opts, err
	}
	if gateway.WeakCredentials(user, password) {
		p.log.Warn("the root user's password is easy to guess: use one of 16 characters or more")
	}
	if c.IsSet("refresh-iam-interval") {
		d, err := parseDuration("refresh-iam-interval", c.String("refresh-iam-interval"))
		if err != nil {
			return opts, err
		}
		opts.RefreshIAM = max(d, time.Second)
	} else if d, err := time.ParseDuration(p.getenv("MINIO_REFRESH_IAM_INTERVAL")); err == nil {
		opts.RefreshIAM = max(d, time.Second) // what cannot be read is the default, as for the server
	}
	opts.Select, opts.Requests = c.Bool("s3-select"), c.Int("max-requests")
	if opts.Requests <= 0 {
		opts.Requests = int(o.bufferSize / bufferOfRequest)
	}
	var err error
	if opts.TrustedProxies, err = parseNetworks("trusted-proxies", c.String("trusted-proxies")); err != nil {
		return opts, err
	}
	if opts.DrainDelay, err = parseDuration("drain-delay", c.String("drain-delay")); err != nil {
		return opts, err
	}
	if opts.BucketName != "" && !opts.MultiBuckets {
		if err = gateway.ValidateBucketName(opts.BucketName); err != nil {
			return opts, err
		}
	}
	_, port, err := splitAddress(opts.Address)
	if err == nil && port == "0" {
		err = errors.New("nobody would know the port")
	}
	if err != nil {
		return opts, fmt.Errorf("invalid address %q: %w", opts.Address, err)
	}
	err = opts.Validate()
	return opts, err
}

// credentials are the superuser's, under their present or their old names.
func (p *program) credentials() (user, password string) {
	user, password = p.getenv("MINIO_ROOT_USER"), p.getenv("MINIO_ROOT_PASSWORD")
	if user == "" && password == "" {
		user, password = p.getenv("MINIO_ACCESS_KEY"), p.getenv("MINIO_SECRET_KEY")
	}
	return user, password
}

// serve opens the volume and serves it until a signal.
func (p *program) serve(ctx context.Context, metaURL string, o *serviceOptions, opts gateway.Options) error {
	signal.Ignore(syscall.SIGPIPE) // who reads the log may go away
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var gone atomic.Bool
	v, err := p.openVolume(ctx, metaURL, o, func(err error) {
		p.log.Error("the volume is gone, this service ends", "error", err)
		gone.Store(true)
		cancel()
	})
	if err != nil {
		return err
	}
	defer func() { _ = v.Close(context.WithoutCancel(ctx)) }() // for a server that did not start; else done already
	if o.checkStorage {
		if err = p.probe(ctx, v.bucket, nil); err != nil {
			return fmt.Errorf("check storage: %w", err)
		}
	}
	stop := p.serveMetrics(ctx, v.meter.Load(), o)
	opts.Begin = func(ctx context.Context) error {
		if e := v.fs.StartSession(ctx); e != nil {
			return e
		}
		return p.uploadStaged(ctx, v, o)
	}
	err = gateway.Serve(ctx, v.vfs, opts, func(ctx context.Context) error {
		return errors.Join(stop(ctx), v.Close(ctx))
	})
	if gone.Load() {
		return &exitError{Code: exitGone, Err: errors.Join(meta.ErrReplaced, err)}
	}
	return err
}

// gatewayInBackground starts this command again, detached, and waits until it serves.
func (p *program) gatewayInBackground(c *cli.Context, o *serviceOptions, opts gateway.Options) error {
	// What would stop the service is better told here than in its log.
	m, err := p.openMeta(c.Context, c.Args().First(), engine.Options{Retries: orNever(o.retries)}, meta.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	patience, err := p.patience(c.Context, o, m.fs.Setting().UUID)
	if err = errors.Join(err, m.Close(c.Context)); err != nil {
		return err
	}
	metaURL, err := absolute(withScheme(c.Args().First()))
	if err != nil {
		return err
	}
	var env []string
	if before, password, after, ok := all.SplitPassword(metaURL); ok && password != "" {
		metaURL, env = before+after, []string{"META_PASSWORD=" + password}
	}
	args, err := detachedArgs(p.args[1:], c.Args().First(), metaURL, o)
	if err != nil {
		return err
	}
	logFile, err := filepath.Abs(c.String("log"))
	if err != nil {
		return fmt.Errorf("path of the log: %w", err)
	}
	return p.detach(c.Context, args, env, logFile, opts.Address, patience)
}
