package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"time"

	"juicefs/pkg/obs"
)

// newMetrics makes metrics with the labels that dashboards expect; labels of the command line win.
func newMetrics(o *serviceOptions, volume string) (*obs.Metrics, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name of this host: %w", err)
	}
	labels := map[string]string{"mp": o.mountPoint, "vol_name": volume, "instance": host, "juicefs_version": versionText()}
	maps.Copy(labels, o.labels)
	return obs.NewMetrics(labels)
}

// serveMetrics serves metrics until stop is called. The default address may be taken by another service of this machine:
// then any free port serves. An address that was asked for and cannot be had is only logged, as metrics are no reason not
// to serve.
func (p *program) serveMetrics(ctx context.Context, m *obs.Metrics, o *serviceOptions) (stop func(context.Context) error) {
	if o.metrics == "" {
		return func(context.Context) error { return nil }
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", o.metrics)
	if err != nil && !o.metricsGiven {
		listener, err = lc.Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		p.log.Error("metrics are not served", "error", err)
		return func(context.Context) error { return nil }
	}
	p.say(ctx, slog.LevelInfo, fmt.Sprintf("Prometheus metrics listening on %s", listener.Addr()))
	server := &http.Server{Handler: m.Handler(), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	return func(ctx context.Context) error {
		err := server.Shutdown(ctx)
		if served := <-done; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}
}
