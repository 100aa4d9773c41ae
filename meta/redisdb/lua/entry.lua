-- Takes an entry apart: its type, and its inode in decimal. Nothing if they are too much for numbers of Lua. All scripts that meet
-- entries start with this.
local function target(entry)
  if #entry ~= 9 then return end
  local t, b1, b2, b3, b4, b5, b6, b7, b8 = string.byte(entry, 1, 9)
  if b1 > 0 or b2 >= 16 then return end
  return t, string.format('%.0f', (((((b2 * 256 + b3) * 256 + b4) * 256 + b5) * 256 + b6) * 256 + b7) * 256 + b8)
end

