package security

import (
	"net/http"
	"strings"
	"testing"

	"juicefs/meta"
	"juicefs/meta/all"
	"juicefs/meta/engine"
	"juicefs/pkg/tests/oracle"
)

// TestS27LinksBetweenBuckets: who can make links by a mount can have one bucket show another's objects, at either gateway, as
// a mount itself does. None of them leads to files of the host, nor to the server's settings by a path that only links have.
func TestS27LinksBetweenBuckets(t *testing.T) {
	t.Parallel()
	for _, p := range []oracle.Program{oracle.Real(t), oracle.Ours(t)} {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			v := oracle.Format(t, p, oracle.FormatOptions{Name: "vol1"})
			s := &side{t, oracle.Start(t, p, v, oracle.GatewayOptions{Flags: many})}
			for _, b := range []string{"links", "other", "etc"} {
				s.bucket(b)
			}
			s.put("other", "d/k", "of another bucket")
			s.put("etc", "hostname", "of the volume")
			link(t, v, "/links", map[string]string{"across": "../other/d/k", "above": "../../../../../etc/hostname", "host": "/etc/hostname",
				"proc": "/proc/self/environ"})
			reader := s.user("linked", on("links", "s3:GetObject"))
			for key, want := range map[string]string{"across": "of another bucket", "above": "of the volume"} {
				if a := s.send(reader, http.MethodGet, "links/"+key, nil); a.body != want {
					t.Errorf("%s: %d %.200s", key, a.status, a.body)
				}
			}
			for _, key := range []string{"host", "proc"} {
				if a := s.send(reader, http.MethodGet, "links/"+key, nil); a.ok() {
					t.Errorf("%s leads to %.200q", key, a.body)
				}
			}
		})
	}
}

// TestS27LinksToTheSettings: who may make links in a bucket by a mount cannot read the server's settings there, which are
// their owner's. A gateway, which may, does not do it in that user's place.
func TestS27LinksToTheSettings(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string][]string{"many": many, "one": one} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// made makes a bucket, or a directory of the one bucket, with links, and returns its path in URLs and a user of it.
			made := func(s *side, name string) (at string, w who) {
				at, bucket, up := name, name, ".."
				if len(flags) == len(many) {
					s.bucket(name)
				} else {
					at, bucket = "vol1/"+name, "vol1"
					s.put("vol1", name+"/k", "x")
				}
				link(s.t, s.g.Volume, "/"+name, map[string]string{"settings": up + "/.minio.sys", "again": "settings/config", "over": "k/../settings/config", "system": up + "/.sys"})
				return at, s.user(name+"user", on(bucket, "s3:*"))
			}
			planted := func(s *side, path string) bool { return s.g.Volume.Dump(s.t).Find(path) != nil }
			try(t, flags, []attack{
				{"S27 settings are read by a link", func(s *side) bool {
					at, w := made(s, "linkread")
					for _, key := range []string{"/settings/config/config.json", "/again/config.json", "/over/config.json"} {
						if strings.Contains(s.send(w, http.MethodGet, at+key, nil).body, "credentials") {
							return true
						}
					}
					s.send(w, http.MethodPut, at+"/copied", nil, "X-Amz-Copy-Source", "/"+at+"/settings/config/config.json")
					return strings.Contains(s.send(w, http.MethodGet, at+"/copied", nil).body, "credentials")
				}},
				{"S27 settings are listed by a link", func(s *side) bool {
					at, w := made(s, "linklist")
					bucket, dir, _ := strings.Cut(at, "/")
					if dir != "" {
						dir += "/"
					}
					return strings.Contains(s.send(w, http.MethodGet, bucket+"?list-type=2&prefix="+dir+"settings/", nil).body, "config.json") ||
						strings.Contains(s.send(w, http.MethodGet, bucket+"?list-type=2&prefix="+dir, nil).body, "config.json")
				}},
				{"S27 settings are written by a link", func(s *side) bool {
					at, w := made(s, "linkwrite")
					s.send(w, http.MethodPut, at+"/settings/planted", []byte("x"))
					return planted(s, "/.minio.sys/planted")
				}},
				{"S27 settings are written by a link to a link", func(s *side) bool {
					at, w := made(s, "linkagain")
					s.send(w, http.MethodPut, at+"/again/planted", []byte("x"))
					return planted(s, "/.minio.sys/config/planted")
				}},
				{"S27 temporary files are written by a link", func(s *side) bool {
					at, w := made(s, "linksys")
					s.send(w, http.MethodPut, at+"/system/planted", []byte("x"))
					return planted(s, "/.sys/planted")
				}},
				{"S27 settings are removed by a link", func(s *side) bool {
					at, w := made(s, "linkrm")
					s.send(w, http.MethodDelete, at+"/settings/config/iam/format.json", nil)
					return !planted(s, "/.minio.sys/config/iam/format.json")
				}},
			})
		})
	}
}

// link makes links in a directory, as a mount does.
func link(t *testing.T, v *oracle.Volume, dir string, targets map[string]string) {
	t.Helper()
	eng, err := all.Open(t.Context(), v.Meta, engine.Options{})
	must(t, err)
	defer func() { must(t, eng.Close()) }()
	fs, err := meta.Open(t.Context(), eng, meta.Options{})
	must(t, err)
	c := &meta.Caller{}
	parent, err := fs.Resolve(t.Context(), c, dir, meta.Want{})
	must(t, err)
	for name, target := range targets {
		_, _, err = fs.Symlink(t.Context(), c, parent.Ino, name, target)
		must(t, err)
	}
	must(t, fs.Close(t.Context()))
}
