package gateway

import (
	"context"
	"strings"

	"juicefs/vfs"
)

// Users' secrets lie in the clear among the server's settings, as the original wants them, and it makes their files readable
// for everybody who mounts the volume. Who could write there, by a mount or by an older gateway, has left users and policies
// that nothing else tells from others. So each start looks through the settings.

// configName is the directory of all settings that hold secrets.
const configName = "config"

// identities is where users, groups and policies are, as the server names it below its settings.
const identities = configName + "/iam"

// audited is what a look through the settings found.
type audited struct {
	Tightened int      // files that others could read or write
	Unknown   []string // paths among users and policies that the server has no use for, maxUnknown at most
	More      int      // those that are not in Unknown
}

// maxUnknown bounds what is told one by one.
const maxUnknown = 32

// audit takes the rights of all but the owner from the files of the server's settings, and finds what does not belong there. It goes on
// where something cannot be changed and returns the first error.
func (l *Layer) audit(ctx context.Context) (audited, error) {
	var a audited
	err := l.auditDir(ctx, &a, configName)
	return a, ignoreMissing(err)
}

func (l *Layer) auditDir(ctx context.Context, a *audited, dir string) error {
	var first error
	keep := func(err error) {
		if err = ignoreMissing(err); first == nil {
			first = err
		}
	}
	err := l.eachEntry(ctx, "/"+serverName+"/"+dir, "", func(name string, i *vfs.Info) error {
		path := dir + "/" + name
		if i.IsFile() { // past closed directories above nobody gets to others
			changed, err := l.tighten(ctx, i)
			keep(err)
			if changed {
				a.Tightened++
			}
		}
		switch {
		case !l.belongs(path, i):
			a.unknown(path)
		case i.IsDir() && strings.Count(path, "/") < maxSettingDepth:
			keep(l.auditDir(ctx, a, path))
		}
		return ctx.Err()
	})
	keep(err)
	return first
}

func (a *audited) unknown(path string) {
	if len(a.Unknown) == maxUnknown {
		a.More++
		return
	}
	a.Unknown = append(a.Unknown, path)
}

// maxSettingDepth is deeper than any setting is.
const maxSettingDepth = 8

// tighten takes the rights of all but the owner from a file or a directory, if they have any.
func (l *Layer) tighten(ctx context.Context, i *vfs.Info) (bool, error) {
	const others = 0o077
	if i.Mode&others == 0 {
		return false, nil
	}
	err := l.v.SetMode(ctx, i.Ino, i.Mode&^others)
	return err == nil, err
}

// belongs reports whether the server itself could have made what is at a path below its settings. Other settings than
// identities are not looked at.
func (l *Layer) belongs(path string, i *vfs.Info) bool {
	rest, ok := strings.CutPrefix(path, identities+"/")
	if !ok {
		return path != identities || i.IsDir()
	}
	if !i.IsDir() && !i.IsFile() {
		return false
	}
	names := strings.Split(rest, "/")
	switch kind := names[0]; {
	case kind == "policydb":
		return belongsToMappings(names[1:], i.IsDir())
	case kind == "format.json":
		return len(names) == 1 && i.IsFile()
	case identityFiles[kind] == "":
		return false
	case len(names) < 3:
		// The server takes no other user by that name for the root user, but nobody may make one.
		return i.IsDir() && (kind != "users" || len(names) < 2 || names[1] != l.o.RootUser)
	default:
		return len(names) == 3 && i.IsFile() && names[2] == identityFiles[kind]
	}
}

// identityFiles are the kinds of identities, each in a directory of its name with one file.
var identityFiles = map[string]string{
	"users": "identity.json", "service-accounts": "identity.json", "sts": "identity.json",
	"groups": "members.json", "policies": "policy.json",
}

// belongsToMappings is belongs for who has which policies: a file for each user or group.
func belongsToMappings(names []string, dir bool) bool {
	if len(names) == 0 {
		return dir
	}
	switch names[0] {
	case "users", "sts-users", "service-accounts", "groups":
	default:
		return false
	}
	if len(names) == 1 {
		return dir
	}
	return len(names) == 2 && !dir && strings.HasSuffix(names[1], ".json")
}

// closeSettings keeps others out of the settings that an older gateway has made, before the audit gets to each of them.
func (l *Layer) closeSettings(ctx context.Context) {
	i, err := l.v.Lstat(ctx, "/"+serverName+"/"+configName)
	if err == nil && i.IsDir() {
		_, err = l.tighten(ctx, i)
	}
	if err != nil {
		l.log.Warn("others than the owner may read the settings", "error", err)
	}
}

// auditOnce is audit with its result in the log.
func (l *Layer) auditOnce(ctx context.Context) {
	a, err := l.audit(ctx)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		l.log.Warn("look through the settings", "error", err)
	}
	if a.Tightened > 0 {
		l.log.Info("settings could be read by others than their owner; they no longer can", "count", a.Tightened)
	}
	for _, path := range a.Unknown {
		l.log.Warn("unknown name among users and policies", "path", "/"+serverName+"/"+path)
	}
	if a.More > 0 {
		l.log.Warn("more unknown names among users and policies", "count", a.More)
	}
}
