package front

import (
	"context"
	"net/http"
	"net/netip"
	"time"
)

// Server is what the front asks of the server that it stands before. Its methods may be called from several goroutines at
// once.
type Server interface {
	// Verify checks the signature of a request, in the header or in the query, and that its key is known. It reads nothing
	// of the body and trusts the hash of it that the request names. nil: it is good. A request without a signature is not.
	Verify(r *http.Request) *Failure
	// Sign signs a request again that Verify found good before it was changed: in the same form, for the headers of the old
	// signature that are still there, of the same date. The hash of the body is the one that the request names. It does
	// nothing to a request without a signature.
	Sign(r *http.Request) *Failure
	// Allow authenticates a request, signed or anonymous, and tells whether it may do an action such as "s3:GetObject". It
	// may replace the request's body by one that is verified while it is read. nil: it may.
	Allow(r *http.Request, action, bucket, key string) *Failure
	// Delete answers a request for DeleteObjects in place of the server's handler: it checks who sent the request, removes the
	// keys that the caller may remove and sends what answer makes of those that could not be removed, by key. answer is
	// called once at most. No key is there twice. False: the handler is to be asked; nothing was done or sent.
	Delete(w http.ResponseWriter, r *http.Request, keys []string, answer func(failed map[string]*Failure) []byte) bool
	// Identity tells whose an access key is. False: nobody's.
	Identity(accessKey string) (Identity, bool)
	// Barred reports whether a request is signed with a key that was made for a user, or has such a key's token of the file
	// manager, and the key is not good any more or the user was disabled. Nothing is verified but the token.
	Barred(r *http.Request) bool
	// VerifyForm checks the signature of a form by its fields, whose names are in lower case, and that its key is known and not
	// barred.
	VerifyForm(fields map[string]string) *Failure
	// Region is the one that requests must be signed for; empty: any.
	Region() string
}

// Identity is a holder of credentials.
type Identity struct {
	AccessKey, SecretKey string // the secret must never be shown
	SessionToken         string // of temporary credentials
	Parent               string // access key of the user that a service account or temporary credentials were made for
	Root                 bool   // the superuser
}

// Store keeps what the server has no place for. Its methods may be called from several goroutines at once; their errors
// are *Failure.
type Store interface {
	// Document returns a document of a bucket, nil if there is none.
	Document(ctx context.Context, bucket, name string) ([]byte, error)
	// SetDocument replaces a document of a bucket; nil removes it.
	SetDocument(ctx context.Context, bucket, name string, data []byte) error
	// HasBucket fails unless a bucket exists.
	HasBucket(ctx context.Context, bucket string) error
	// HasObject fails unless an object exists. The version is empty, or the one of an object without versions.
	HasObject(ctx context.Context, bucket, key, version string) error
	// Public tells whether the policy of a bucket grants something to everybody. It fails if there is no policy.
	Public(ctx context.Context, bucket string) (bool, error)
}

// Options are for New. Without a Server or a Store the members of the chain that need one are left out.
type Options struct {
	Server Server
	Store  Store
	Admin  Admin
	Web    Web

	// Domains are those below which buckets are served as host names.
	Domains []string
	// TrustedProxies are the networks of the proxies that are believed when they say whom they speak for.
	TrustedProxies []netip.Prefix
	// Requests is how many may run at once; as many more may wait. 0: no limit.
	Requests int
	// Connections is how many may be open at once. 0: no limit.
	Connections int
	// Select lets objects be searched by S3 Select, within limits.
	Select bool
	// LDAP tells whether passwords of a directory are taken for temporary credentials; nil: no.
	LDAP func() bool
	// Stall is how long a client may neither send nor take anything of a body. 0: for ever.
	Stall time.Duration
	// PastRouter is what stands before the server's router, for requests without an Origin: with it, plain requests for objects
	// go past the router. nil: none do.
	PastRouter func(next http.Handler) http.Handler
}
