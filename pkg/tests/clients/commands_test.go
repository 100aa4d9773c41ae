package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"juicefs/pkg/tests/oracle"
)

// useMC runs a MinIO command line client.
func useMC(t *testing.T, b *bench, name string) {
	mc := map[string]func(testing.TB, map[string]*oracle.Gateway) *oracle.Client{"mc": oracle.MC, "mc2021": oracle.MC2021}[name](t, map[string]*oracle.Gateway{"x": b.g})
	bucket := bucketOf(name)
	dir, files := tree(t)
	at := "x/" + bucket
	mc.Must(t, "mb", at)
	mc.Must(t, "mirror", dir, at+"/tree")
	b.sameKeys(t, bucket, "tree/", files)
	back := t.TempDir()
	mc.Must(t, "mirror", at+"/tree", back)
	sameTree(t, back, files)
	mc.Must(t, "cp", filepath.Join(b.dir, "in"), at+"/left")
	mc.Must(t, "cp", "x/"+seedBucket+"/"+seedKey, b.out(bucket))
	mc.Must(t, "cp", "--recursive", at+"/tree/some dir/0/", at+"/copied/")
	if out := mc.Must(t, "ls", "--recursive", at+"/copied").Stdout; strings.Count(out, "\n") != 2 {
		t.Errorf("two files were copied, listed are\n%s", out)
	}
	b.check(t, bucket)
	mc.Must(t, "rm", "--recursive", "--force", at+"/tree")
	mc.Must(t, "rm", "--recursive", "--force", at+"/copied")
	if keys := b.keys(t, bucket); len(keys) != 1 {
		t.Errorf("remain: %q", keys)
	}
	mc.Must(t, "rb", "--force", at)
}

// installed returns the path of a program of Debian's, which the Makefile has installed.
func installed(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v: `make clients` installs it", err)
	}
	return path
}

func useRclone(t *testing.T, b *bench, name string) {
	path, bucket := installed(t, name), bucketOf(name)
	env := b.env(bucket, "RCLONE_CONFIG_X_TYPE=s3", "RCLONE_CONFIG_X_PROVIDER=Other", "RCLONE_CONFIG_X_ENV_AUTH=true",
		"RCLONE_CONFIG_X_ENDPOINT="+b.g.URL(), "RCLONE_CONFIG_X_REGION="+oracle.Region, "RCLONE_CONFIG="+filepath.Join(t.TempDir(), "none"))
	dir, files := tree(t)
	at := "x:" + bucket
	rclone := func(args ...string) string { t.Helper(); return command(t, env, path, args...) }
	rclone("mkdir", at)
	rclone("sync", dir, at+"/tree")
	rclone("check", dir, at+"/tree")
	b.sameKeys(t, bucket, "tree/", files)
	delete(files, "some dir/1/file+1")
	must(t, os.Remove(filepath.Join(dir, "some dir/1/file+1")))
	files["new"] = noise(99, 1000)
	write(t, dir, files)
	rclone("sync", dir, at+"/tree")
	b.sameKeys(t, bucket, "tree/", files)
	back := t.TempDir()
	rclone("copy", at+"/tree", back)
	sameTree(t, back, files)
	rclone("copyto", filepath.Join(b.dir, "in"), at+"/left")
	rclone("copyto", "x:"+seedBucket+"/"+seedKey, b.out(bucket))
	rclone("moveto", at+"/tree/new", at+"/moved")
	b.check(t, bucket)
	rclone("purge", at)
	if out := rclone("lsd", "x:"); strings.Contains(out, bucket) {
		t.Errorf("the bucket is still there:\n%s", out)
	}
}

func useAWS(t *testing.T, b *bench, name string) {
	path, bucket := installed(t, name), bucketOf(name)
	none := filepath.Join(t.TempDir(), "none")
	env := b.env(bucket, "AWS_DEFAULT_REGION="+oracle.Region, "AWS_CONFIG_FILE="+none, "AWS_SHARED_CREDENTIALS_FILE="+none)
	if b.g.TLS != nil {
		env = append(env, "AWS_CA_BUNDLE="+b.g.TLS.File)
	}
	dir, files := tree(t)
	at := "s3://" + bucket
	aws := func(args ...string) string {
		t.Helper()
		return command(t, env, path, append([]string{"--endpoint-url", b.g.URL(), "s3"}, args...)...)
	}
	aws("mb", at)
	aws("sync", dir, at+"/tree")
	b.sameKeys(t, bucket, "tree/", files)
	delete(files, "some dir/1/file+1")
	must(t, os.Remove(filepath.Join(dir, "some dir/1/file+1")))
	aws("sync", "--delete", dir, at+"/tree")
	b.sameKeys(t, bucket, "tree/", files)
	back := t.TempDir()
	aws("sync", at+"/tree", back)
	sameTree(t, back, files)
	aws("cp", filepath.Join(b.dir, "in"), at+"/left")
	aws("cp", "s3://"+seedBucket+"/"+seedKey, b.out(bucket))
	aws("cp", "--recursive", at+"/tree/some dir", at+"/copied")
	b.sameKeys(t, bucket, "copied/", below(files, "some dir/"))
	aws("mv", at+"/copied/2/file+4096", at+"/moved")
	if out := aws("ls", "--recursive", at); strings.Count(out, "\n") != 2*len(files)+1 {
		t.Errorf("listed are\n%s", out)
	}
	b.check(t, bucket)
	aws("rm", "--recursive", at+"/tree")
	aws("rm", "--recursive", at+"/copied")
	aws("rm", at+"/moved")
	if keys := b.keys(t, bucket); len(keys) != 1 {
		t.Errorf("remain: %q", keys)
	}
	aws("rb", "--force", at)
}

// below are the files of a folder, by what follows it.
func below(files map[string][]byte, dir string) map[string][]byte {
	in := map[string][]byte{}
	for name, data := range files {
		if rest, ok := strings.CutPrefix(name, dir); ok {
			in[rest] = data
		}
	}
	return in
}

func useS3cmd(t *testing.T, b *bench, name string) {
	path, bucket := installed(t, name), bucketOf(name)
	config := fmt.Sprintf("[default]\naccess_key = %s\nsecret_key = %s\nhost_base = %s\nhost_bucket = %s\nbucket_location = %s\nuse_https = %v\n",
		oracle.User, oracle.Password, b.g.Addr, b.g.Addr, oracle.Region, map[bool]string{false: "False", true: "True"}[b.g.TLS != nil])
	if b.g.TLS != nil {
		config += "ca_certs_file = " + b.g.TLS.File + "\n"
	}
	file := filepath.Join(t.TempDir(), "config")
	must(t, os.WriteFile(file, []byte(config), 0o600))
	dir, files := tree(t)
	at := "s3://" + bucket
	s3cmd := func(args ...string) string {
		t.Helper()
		return command(t, b.env(bucket), path, append([]string{"--config", file, "--no-progress"}, args...)...)
	}
	s3cmd("mb", at)
	s3cmd("sync", dir+"/", at+"/tree/")
	b.sameKeys(t, bucket, "tree/", files)
	back := t.TempDir()
	s3cmd("sync", at+"/tree/", back+"/")
	sameTree(t, back, files)
	s3cmd("put", filepath.Join(b.dir, "in"), at+"/left")
	s3cmd("get", "s3://"+seedBucket+"/"+seedKey, b.out(bucket))
	s3cmd("cp", at+"/left", at+"/copied")
	b.check(t, bucket)
	if out := s3cmd("ls", "--recursive", at); strings.Count(out, "\n") != len(files)+2 {
		t.Errorf("listed are\n%s", out)
	}
	s3cmd("del", "--recursive", "--force", at+"/tree/")
	s3cmd("del", at+"/copied", at+"/left")
	s3cmd("rb", at)
}

func useRestic(t *testing.T, b *bench, name string) {
	path, bucket := installed(t, name), bucketOf(name)
	env := b.env(bucket, "RESTIC_REPOSITORY=s3:"+b.g.URL()+"/"+bucket+"/repo", "RESTIC_PASSWORD=secret of the test")
	dir, files := tree(t)
	restic := func(args ...string) string {
		t.Helper()
		if b.g.TLS != nil {
			args = append([]string{"--cacert", b.g.TLS.File}, args...)
		}
		return command(t, env, path, args...)
	}
	restic("init")
	restic("backup", dir)
	files["more"] = noise(98, 3<<20)
	write(t, dir, files)
	restic("backup", dir)
	restic("check", "--read-data")
	back := t.TempDir()
	restic("restore", "latest", "--target", back)
	sameTree(t, filepath.Join(back, dir), files)
	restic("forget", "--keep-last", "1", "--prune")
	restic("check", "--read-data")
}
