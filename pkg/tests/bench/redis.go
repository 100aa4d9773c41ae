package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// redisServer is a Redis that keeps nothing on disk. Both gateways use it, each a database of its own.
type redisServer struct {
	addr string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// startRedis starts a server and waits until it answers.
func startRedis(dir string) (*redisServer, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	r := &redisServer{addr: fmt.Sprintf("127.0.0.1:%d", port), done: make(chan struct{})}
	r.cmd = exec.CommandContext(context.Background(), "redis-server", "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir,
		"--save", "", "--appendonly", "no", "--logfile", filepath.Join(dir, "redis.log"))
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start redis-server (Debian's package of that name): %w", err)
	}
	go func() {
		_ = r.cmd.Wait() // its log says more
		close(r.done)
	}()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		select {
		case <-r.done:
			log, _ := os.ReadFile(filepath.Join(dir, "redis.log")) // as much as there is
			return nil, fmt.Errorf("redis-server ended with %v\n%s", r.cmd.ProcessState, log)
		default:
		}
		c, err := new(net.Dialer).DialContext(context.Background(), "tcp", r.addr)
		if err == nil {
			return r, c.Close()
		}
	}
	return nil, fmt.Errorf("redis-server does not answer at %s", r.addr)
}

// url is the address of a database.
func (r *redisServer) url(addr string, db int) string { return fmt.Sprintf("redis://%s/%d", addr, db) }

// stop ends the server and waits for it.
func (r *redisServer) stop() {
	_ = r.cmd.Process.Signal(syscall.SIGTERM) // or it has ended
	<-r.done
}

// cpu returns what the server has computed; 0 if there is none.
func (r *redisServer) cpu() (time.Duration, error) {
	if r == nil {
		return 0, nil
	}
	return cpuOf(r.cmd.Process.Pid)
}
