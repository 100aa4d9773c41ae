-- Walks a path. It starts with path.lua and only reads.
--
-- KEYS[1]  any key of the volume: it finds the server in a cluster
-- ARGV     the prefix of all keys, the directory, how many chunks of a last file are wanted, whether the attributes of the
--          last inode are (1 or 0), whether the numbers of entries are (1 or 0), the names
--
-- Answer: that of walk; nil if it gave up.
return walk(ARGV[1], ARGV[2], ARGV, 6, #ARGV, tonumber(ARGV[3]), ARGV[4] == '1', ARGV[5] == '1')
