package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7/pkg/s3utils"

	"juicefs/gateway/front"
)

// Options are for New and Serve. The zero value is usable for New.
type Options struct {
	// Address is host:port or :port, where to listen.
	Address string
	// Domain is MINIO_DOMAIN: host names below which buckets are served as host names, separated by commas; empty: as in
	// the environment.
	Domain string
	// CertsDir has public.crt and private.key for HTTPS; empty: .minio/certs in the home directory. Without the two files
	// it is HTTP.
	CertsDir string
	// RootUser and RootPassword are the credentials of the superuser; empty: those of the environment.
	RootUser, RootPassword string
	// RefreshIAM is how often users, policies and the settings of buckets are loaded again, for what other gateways change;
	// 0: 5 minutes. Less than a second is a second.
	RefreshIAM time.Duration
	// Quiet leaves out what is printed at the start.
	Quiet bool
	// ReadOnly makes the server keep its settings in memory. It must be set if the volume is read only.
	ReadOnly bool
	// Grace is how long running requests may take to end at the end; 0: 60 s.
	Grace time.Duration
	// DrainDelay is how long readiness fails at SIGTERM before new connections are refused, for those who watch it to send
	// their requests elsewhere; 0: not at all.
	DrainDelay time.Duration
	// HeaderTime is how long the header of a request may take to arrive; 0: 30 s.
	HeaderTime time.Duration
	// IdleTime is how long a connection is kept without a request; 0: 2 minutes.
	IdleTime time.Duration
	// TrustedProxies are the networks of proxies that are believed when they say whom they speak for.
	TrustedProxies []netip.Prefix
	// Requests is how many may run at once; as many more wait for some seconds, the rest is answered 503. 0: 1024.
	Requests int
	// Connections is how many may be open at once; 0: 8 for each request that may run.
	Connections int
	// Select lets objects be searched by S3 Select: lines of at most 1 MiB, objects of at most 1 GiB, neither compressed nor
	// Parquet.
	Select bool
	// StallTime is how long a client may neither send nor take anything of a body; 0: a minute.
	StallTime time.Duration
	// Begin, when set, is called once, at the first call into the layer: all that could be wrong with the address, the
	// certificates or the environment has been found by then. It is the place to register a session. Its error ends Serve.
	Begin func(context.Context) error
	// Stop is called once by Layer.Shutdown; Serve sets it.
	Stop func(context.Context) error

	MultiBuckets bool   // every directory of the root is a bucket
	BucketName   string // of the one bucket otherwise; empty: the volume's name

	KeepETag      bool // store and show entity tags
	ObjectTag     bool // store tags
	ObjectMeta    bool // store user metadata and headers
	HeadDir       bool // HEAD finds every directory, by either name
	HideDirObject bool // listings leave out directory objects

	CleanEvery time.Duration    // how often old uploads and temporary files are removed; 0: 24 h
	CleanAge   time.Duration    // what is old; 0: 7 days
	Now        func() time.Time // nil: time.Now
	Logger     *slog.Logger     // nil: nothing is logged
}

func (o Options) normalize() Options {
	if o.Grace <= 0 {
		o.Grace = time.Minute
	}
	if o.HeaderTime <= 0 {
		o.HeaderTime = 30 * time.Second
	}
	if o.IdleTime <= 0 {
		o.IdleTime = 2 * time.Minute
	}
	if o.Requests <= 0 {
		o.Requests = 1024
	}
	if o.Connections <= 0 {
		o.Connections = 8 * o.Requests
	}
	if o.StallTime <= 0 {
		o.StallTime = time.Minute
	}
	if o.CleanEvery <= 0 {
		o.CleanEvery = 24 * time.Hour
	}
	if o.CleanAge <= 0 {
		o.CleanAge = 7 * 24 * time.Hour
	}
	if o.RefreshIAM == 0 {
		o.RefreshIAM = refreshDefault
	}
	o.RefreshIAM = max(o.RefreshIAM, time.Second) // the server would load them without a pause
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Front returns the options of the front as Serve puts it before a layer. It is there for what measures the front before a
// layer that is no Layer.
func (o Options) Front(store front.Store) front.Options {
	o = o.normalize()
	var files front.Web
	if k, ok := store.(keyer); ok {
		files = web{k}
	}
	return front.Options{Web: files, Server: stock{}, Admin: stock{}, Store: store,
		TrustedProxies: o.TrustedProxies, Requests: o.Requests, Connections: o.Connections, Stall: o.StallTime,
		Select: o.Select, LDAP: takesLDAP, Domains: o.domains(), PastRouter: pastRouter}
}

// domains are those below which buckets are served as host names, from where the server has them.
func (o *Options) domains() []string {
	text := o.Domain
	if text == "" {
		text = os.Getenv("MINIO_DOMAIN")
	}
	var all []string
	for d := range strings.SplitSeq(text, ",") {
		if d = strings.TrimSpace(d); d != "" {
			all = append(all, d)
		}
	}
	return all
}

// ValidateBucketName checks the name of the bucket of single mode.
func ValidateBucketName(name string) error {
	if strings.HasPrefix(name, serverName) {
		return fmt.Errorf("bucket name %q cannot start with %q", name, serverName)
	}
	if err := s3utils.CheckValidBucketNameStrict(name); err != nil {
		return fmt.Errorf("invalid bucket name %q: %w", name, err)
	}
	return nil
}

// ValidateCredentials checks the superuser's credentials as the server will.
func ValidateCredentials(user, password string) error {
	for _, c := range []struct {
		name, value string
		least       int
	}{{"MINIO_ROOT_USER", user, 3}, {"MINIO_ROOT_PASSWORD", password, 8}} {
		if len(c.value) < c.least {
			return fmt.Errorf("%s should be specified as an environment variable with at least %d characters", c.name, c.least)
		}
	}
	return nil
}

// weakPassword is the length below which a password is said to be weak.
const weakPassword = 12 // characters

// WeakCredentials reports whether the superuser's password is one that somebody will try: short, well known, or the name.
func WeakCredentials(user, password string) bool {
	return len(password) < weakPassword || password == user || password == "minioadmin"
}
