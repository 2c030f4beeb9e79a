"""The scene, and the driver that sets resolution, samples and frame: arguments of the job.

    blender -b --python scene.py -- WIDTH HEIGHT SAMPLES FRAME OUTPUT
"""

import math
import sys
import tempfile
import time

import bpy

words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
# Without arguments: as little as there is, for the vendor's traced run.
width, height, samples, frame = (int(word) for word in (words or ["64", "40", "1", "0"])[:4])
output = words[4] if len(words) > 4 else tempfile.gettempdir() + "/traced.png"

bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene


def material(name, color, roughness, metallic=0.0, transmission=0.0):
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    shader = made.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*color, 1)
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Metallic"].default_value = metallic
    shader.inputs["Transmission"].default_value = transmission
    return made


def add(operation, look, **keys):
    operation(**keys)
    made = bpy.context.object
    made.data.materials.append(look)
    return made


floor = material("floor", (0.36, 0.33, 0.29), 0.7)
gold = material("gold", (1.0, 0.72, 0.30), 0.18, metallic=1.0)
glass = material("glass", (0.75, 0.93, 1.0), 0.02, transmission=1.0)
clay = material("clay", (0.72, 0.18, 0.10), 0.45)
stone = material("stone", (0.42, 0.36, 0.28), 0.55)

add(bpy.ops.mesh.primitive_plane_add, floor, size=60)
# An arcade of columns around a court: a cloister, seen from above.
for index in range(14):
    angle = 2 * math.pi * index / 14
    at = (5.2 * math.cos(angle), 5.2 * math.sin(angle))
    column = add(
        bpy.ops.mesh.primitive_cylinder_add, stone, radius=0.28, depth=2.6, vertices=48,
        location=(*at, 1.3))
    add(bpy.ops.mesh.primitive_cube_add, stone, size=0.75, location=(*at, 2.68)).scale[2] = 0.2
    bpy.context.object.rotation_euler[2] = angle
    for polygon in column.data.polygons:
        polygon.use_smooth = True
add(
    bpy.ops.mesh.primitive_torus_add, stone, major_radius=5.2, minor_radius=0.22,
    major_segments=96, minor_segments=16, location=(0, 0, 2.95))

turn = 2 * math.pi * frame / 120
knot = add(
    bpy.ops.mesh.primitive_torus_add, gold, major_radius=1.15, minor_radius=0.34,
    major_segments=96, minor_segments=32, location=(0, 0, 1.5))
knot.rotation_euler = (math.radians(62), 0, turn)
ball = add(
    bpy.ops.mesh.primitive_uv_sphere_add, glass, radius=0.72, segments=64, ring_count=32,
    location=(0, 0, 1.5))
for made, place in ((clay, (2.3, -1.7, 0.55)), (gold, (-2.2, -1.9, 0.45)), (clay, (-2.6, 1.4, 0.5))):
    stone_ball = add(
        bpy.ops.mesh.primitive_uv_sphere_add, made, radius=place[2], segments=48, ring_count=24,
        location=place)
    for polygon in stone_ball.data.polygons:
        polygon.use_smooth = True
for rounded in (knot, ball):
    for polygon in rounded.data.polygons:
        polygon.use_smooth = True

bpy.ops.object.light_add(type="SUN", rotation=(math.radians(38), math.radians(12), math.radians(40)))
bpy.context.object.data.energy = 2.1
bpy.context.object.data.angle = math.radians(4)
bpy.ops.object.light_add(type="AREA", location=(-4, -5, 6))
bpy.context.object.data.energy = 120
bpy.context.object.data.size = 4
bpy.context.object.rotation_euler = (math.radians(42), 0, math.radians(-38))

world = bpy.data.worlds.new("sky")
world.use_nodes = True
world.node_tree.nodes["Background"].inputs[0].default_value = (0.50, 0.66, 0.90, 1)
world.node_tree.nodes["Background"].inputs[1].default_value = 0.32
scene.world = world

bpy.ops.object.camera_add(location=(7.4, -9.6, 6.6))
camera = bpy.context.object
camera.data.lens = 34
target = bpy.data.objects.new("target", None)
target.location = (0, 0, 1.15)
scene.collection.objects.link(target)
track = camera.constraints.new(type="TRACK_TO")
track.target = target
track.track_axis = "TRACK_NEGATIVE_Z"
track.up_axis = "UP_Y"
scene.camera = camera

scene.render.engine = "CYCLES"
scene.cycles.device = "CPU"
scene.cycles.samples = samples
scene.cycles.seed = 7
# Debian's Blender has no denoiser.
scene.cycles.use_denoising = False
scene.view_settings.view_transform = "Filmic"
scene.view_settings.look = "High Contrast"
scene.render.resolution_x = width
scene.render.resolution_y = height
scene.render.resolution_percentage = 100
scene.render.threads_mode = "FIXED"
scene.render.threads = 2
scene.render.image_settings.file_format = "PNG"
# No dates and host names in the picture's metadata: the same scene gives the same file.
for stamp in dir(scene.render):
    if stamp.startswith("use_stamp"):
        setattr(scene.render, stamp, False)
scene.frame_set(frame)
scene.render.filepath = output

start = time.monotonic()
bpy.ops.render.render(write_still=True)
print("frame %d: %.3f seconds" % (frame, time.monotonic() - start))
