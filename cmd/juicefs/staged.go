package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"juicefs/chunk/cache"
)

// uploadStaged stores what the original took with its write-back mode, in the same cache folder, and did not upload before
// it ended: until then such objects, and the server's own settings among them, can be read nowhere. A service that may not
// write only says that it is there.
func (p *program) uploadStaged(ctx context.Context, v *volume, o *serviceOptions) error {
	for _, dir := range o.cache.dirs {
		if err := p.uploadStagedIn(ctx, dir, v, o); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) uploadStagedIn(ctx context.Context, dir string, v *volume, o *serviceOptions) error {
	st := cache.Staging{Dir: dir, UUID: v.fs.Setting().UUID, Log: p.log}
	blocks, bytes, err := st.Size(ctx)
	if err != nil {
		return fmt.Errorf("look for blocks that wait for their upload: %w", err)
	}
	if blocks == 0 {
		return nil
	}
	if o.readOnly {
		p.log.Warn("blocks wait for their upload, which a service that is read-only leaves to others; until then objects cannot be read",
			"folder", st.Folder(), "blocks", blocks, "bytes", bytes)
		return nil
	}
	p.say(ctx, slog.LevelInfo, fmt.Sprintf("Uploading %d blocks (%d bytes) that wait in %s", blocks, bytes, st.Folder()))
	// A block is in memory as a whole, and once more in its stored form.
	atOnce := min(o.uploads, int(o.bufferSize/int64(2*v.store.BlockSize())))
	n, err := st.Upload(ctx, atOnce, v.store.PutBlock)
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	p.say(ctx, slog.LevelInfo, fmt.Sprintf("Uploaded %d blocks", n))
	return nil
}

// patience is how long a service may take to start: until it has uploaded what waits for that.
func (p *program) patience(ctx context.Context, o *serviceOptions, uuid string) (time.Duration, error) {
	for _, dir := range o.cache.dirs {
		st := cache.Staging{Dir: dir, UUID: uuid}
		blocks, bytes, err := st.Size(ctx)
		if err != nil {
			return 0, fmt.Errorf("look for blocks that wait for their upload: %w", err)
		}
		if blocks > 0 && !o.readOnly {
			p.say(ctx, slog.LevelInfo, fmt.Sprintf("Before it is ready the service uploads %d blocks (%d bytes) that wait in %s", blocks, bytes, st.Folder()))
			return uploadTime, nil
		}
	}
	return startTime, nil
}
