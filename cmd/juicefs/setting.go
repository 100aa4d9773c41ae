package main

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"juicefs/meta/record"
	"juicefs/pkg/crypt"
	"juicefs/pkg/object"
)

// settingFlags fill the setting of a volume.
func settingFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "storage", Category: groupStorage, Value: "file", Usage: "type of object store: file, s3 or minio"},
		&cli.StringFlag{Name: "bucket", Category: groupStorage, Usage: "bucket URL or path", DefaultText: defaultBucket()},
		&cli.StringFlag{Name: "storage-class", Category: groupStorage, Usage: "storage class of new objects", DefaultText: "the store's"},
		&cli.StringFlag{Name: "access-key", Category: groupStorage, Usage: "access key of the object store (env ACCESS_KEY); \"anonymous\" signs nothing"},
		&cli.StringFlag{Name: "secret-key", Category: groupStorage, Usage: "secret key of the object store (env SECRET_KEY)"},
		&cli.StringFlag{Name: "session-token", Category: groupStorage, Usage: "session token of the object store (env SESSION_TOKEN)"},
		&cli.StringFlag{Name: "block-size", Value: "4M", Usage: "most bytes of a block, a power of two from 64K to 16M (unit: K)"},
		&cli.StringFlag{Name: "compress", Value: "none", Usage: "compression of blocks: none, lz4 or zstd"},
		&cli.StringFlag{Name: "encrypt-rsa-key", Usage: "file with a private RSA key in PEM: encrypt the data (passphrase in env JFS_RSA_PASSPHRASE)"},
		&cli.StringFlag{Name: "encrypt-algo", Value: crypt.AESGCM, Usage: "encryption of data: aes256gcm-rsa or chacha20-rsa"},
		&cli.IntFlag{Name: "shards", Usage: "spread blocks over so many buckets, at most 256; the bucket has %d in the place of the number"},
		&cli.BoolFlag{Name: "hash-prefix", Usage: "spread the keys of blocks by a prefix"},
		&cli.StringFlag{Name: "capacity", Value: "0", Usage: "most bytes of the volume (unit: G; 0: no limit)"},
		&cli.Uint64Flag{Name: "inodes", Usage: "most inodes of the volume (0: no limit)"},
		&cli.IntFlag{Name: "trash-days", Value: 1, Usage: "days to keep removed files (0: no trash)"},
		&cli.BoolFlag{Name: "enable-acl", Usage: "POSIX ACLs; cannot be undone"},
	}
}

// settingRefused are options of a setting that this version does not serve.
func settingRefused() []cli.Flag {
	return hiddenFlags(nil, []string{"tag", "ranger-rest-url", "ranger-service", "kerberos-config-file"})
}

// The sizes that a block may have, in KiB.
const (
	leastBlock = 64
	mostBlock  = 16 << 10
)

// validName reports whether a volume may have this name.
func validName(name string) error {
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9\-]{1,61}[a-z0-9]$`).MatchString(name) {
		return fmt.Errorf("invalid name: %q, a name is 3 to 63 lower-case letters, digits and hyphens, with no hyphen at either end", name)
	}
	return nil
}

// newSetting is the setting of a new volume with nothing but defaults.
func newSetting(name string) *record.Setting {
	return &record.Setting{
		Name: name, UUID: uuid.NewString(), Storage: "file", Bucket: defaultBucket(),
		Tiers:     map[string]record.Tier{"0": {}},
		BlockSize: 4096, Compression: "none", EncryptAlgo: "aes256gcm-rsa", TrashDays: 1, MetaVersion: 1,
		MinClientVersion: "1.1.0-A", DirStats: true,
	}
}

// applySetting puts the options that were given into s; those left out stay. It only looks at the command line.
func (p *program) applySetting(c *cli.Context, s *record.Setting) error {
	if err := applyStorage(c, s); err != nil {
		return err
	}
	if c.IsSet("block-size") {
		n, err := parseSize("block-size", c.String("block-size"), 'K')
		if err != nil {
			return err
		}
		s.BlockSize = p.blockSize(n)
	}
	if c.IsSet("compress") {
		s.Compression = strings.ToLower(c.String("compress"))
		if !slices.Contains([]string{"none", "lz4", "zstd"}, s.Compression) {
			return fmt.Errorf("Unsupported compress algorithm: %s", c.String("compress")) //nolint:staticcheck // the text of the original
		}
	}
	if c.IsSet("hash-prefix") {
		s.HashPrefix = c.Bool("hash-prefix")
	}
	if c.IsSet("capacity") {
		n, err := parseSize("capacity", c.String("capacity"), 'G')
		if err != nil {
			return err
		}
		s.Capacity = uint64(n)
	}
	if c.IsSet("inodes") {
		s.Inodes = c.Uint64("inodes")
	}
	if c.IsSet("trash-days") {
		s.TrashDays = c.Int("trash-days")
		if s.TrashDays < 0 {
			return fmt.Errorf("Invalid trash days: %d", s.TrashDays) //nolint:staticcheck // the text of the original
		}
	}
	return applyACL(c, s)
}

func applyACL(c *cli.Context, s *record.Setting) error {
	switch {
	case !c.IsSet("enable-acl"):
	case c.Bool("enable-acl"):
		s.EnableACL = true
		if s.MinClientVersion < "1.2" {
			s.MinClientVersion = "1.2.0-A"
		}
	case s.EnableACL:
		return errors.New("cannot disable acl")
	}
	return nil
}

// checkAlgo checks the name of a cipher.
func checkAlgo(c *cli.Context) error {
	switch strings.ToLower(c.String("encrypt-algo")) {
	case crypt.AESGCM, crypt.ChaCha20:
		return nil
	case crypt.SM4GCM:
		return errors.New("option --encrypt-algo sm4gcm is not supported by this version")
	}
	return fmt.Errorf("unsupport cipher: %s", c.String("encrypt-algo"))
}

// applyNew puts into the setting of a new volume what cannot change later, and credentials of the environment.
func (p *program) applyNew(c *cli.Context, s *record.Setting) error {
	for _, key := range []struct {
		option, env string
		to          *string
	}{
		{"access-key", "ACCESS_KEY", &s.AccessKey}, {"secret-key", "SECRET_KEY", &s.SecretKey}, {"session-token", "SESSION_TOKEN", &s.SessionToken},
	} {
		if !c.IsSet(key.option) {
			*key.to = p.getenv(key.env)
		}
	}
	s.EncryptAlgo = strings.ToLower(c.String("encrypt-algo"))
	file := c.String("encrypt-rsa-key")
	if file == "" {
		return nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("load RSA key: %w", err)
	}
	s.EncryptKey = string(pem)
	_, err = p.cipher(s)
	return err
}

// maxShards is the most buckets that a volume may spread over.
const maxShards = 256

// applyShards checks and sets the number of buckets.
func applyShards(c *cli.Context, s *record.Setting) error {
	if c.IsSet("shards") {
		s.Shards = c.Int("shards")
	}
	if s.Shards > maxShards {
		return fmt.Errorf("too many shards: %d", s.Shards)
	}
	if s.Shards > 1 {
		if _, err := object.ShardAddresses(s.Bucket, s.Shards); err != nil {
			return fmt.Errorf("can not generate different endpoint using %s: %w", s.Bucket, err)
		}
	}
	return nil
}

// applyStorage puts the options about the object store into s.
func applyStorage(c *cli.Context, s *record.Setting) error {
	for option, to := range map[string]*string{"storage": &s.Storage, "bucket": &s.Bucket, "access-key": &s.AccessKey,
		"secret-key": &s.SecretKey, "session-token": &s.SessionToken} {
		if c.IsSet(option) {
			*to = c.String(option)
		}
	}
	var err error
	if s.Bucket, err = completeBucket(s.Storage, s.Bucket); err != nil {
		return err
	}
	if c.IsSet("storage-class") {
		if err := setStorageClass(s, c.String("storage-class")); err != nil {
			return err
		}
	}
	if err := checkAlgo(c); err != nil {
		return err
	}
	return applyShards(c, s)
}

// blockSize rounds bytes down to a size that a block may have, in KiB.
func (p *program) blockSize(n int64) int {
	kib := n >> 10
	size := 0
	if kib > 0 {
		size = 1 << (bits.Len64(uint64(kib)) - 1)
	}
	if fit := min(max(size, leastBlock), mostBlock); fit != size {
		p.log.Warn("block size is out of range, the nearest possible is taken", "given KiB", kib, "taken KiB", fit)
		size = fit
	}
	return size
}

// defaultBucket is where blocks go when no bucket is named.
func defaultBucket() string {
	if os.Getuid() == 0 {
		return "/var/jfs"
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "/var/jfs"
	}
	return filepath.Join(home, ".juicefs", "local")
}

// completeBucket makes the path of a local store absolute and ends it with a slash.
func completeBucket(storage, bucket string) (string, error) {
	if storage != "file" {
		return bucket, nil
	}
	full, err := filepath.Abs(bucket)
	if err != nil {
		return "", fmt.Errorf("path of the bucket: %w", err)
	}
	if !strings.HasSuffix(full, "/") {
		full += "/"
	}
	return full, nil
}
