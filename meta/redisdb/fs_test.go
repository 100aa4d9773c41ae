package redisdb_test

import (
	"testing"

	"juicefs/meta/engine"
	"juicefs/meta/fstest"
	"juicefs/pkg/tests/redistest"
)

func TestFSAlone(t *testing.T) { runFS(t, redistest.Start(t).URL) }

func TestFSInCluster(t *testing.T) { runFS(t, redistest.StartCluster(t).URL) }

func TestFSWithoutScripts(t *testing.T) { runFS(t, withoutScripts(t)) }

// runFS runs the suite of the file system, each test in a database of its own.
func runFS(t *testing.T, url func(n int) string) {
	t.Helper()
	next := opener(url)
	fstest.Run(t, func(t *testing.T) engine.Engine { return next(t) })
}
