--- Collections in nginx (OpenResty): the module is lua/moonvec/resty/handles.lua. This file gives it the name that
-- libraries of OpenResty have. The code is in the folder of moonvec, so that errors name the line of the program.
return require "moonvec.resty.handles"
